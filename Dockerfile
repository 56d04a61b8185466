# The build stage runs on the builder's own platform and cross-compiles: a
# static binary needs no emulation. A builder without BuildKit knows no
# BUILDPLATFORM and no TARGETARCH, and builds for its own platform.
FROM --platform=${BUILDPLATFORM:-linux} golang:1.26 AS build
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=devel
ARG REVISION
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# The tag leaves out what the command-line library has for manual pages, which
# would cost time at every start.
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -tags urfave_cli_no_docs -ldflags "-s -w -X main.version=$VERSION -X github.com/pm-todos/pm-todos/plugin/usage.revision=$REVISION" -o /image/pm-todos .
# All that the image holds beside the binary: the CAs, and a temporary directory
# for whatever user it runs as.
RUN mkdir -p /image/etc/ssl/certs /image/tmp \
    && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
    && chmod 1777 /image/tmp

FROM scratch
ARG VERSION=devel
ARG REVISION
LABEL org.opencontainers.image.title="pm-todos" \
      org.opencontainers.image.description="Woodpecker CI plugin that closes the follow-up items of post-mortems" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /image/ /
USER 65532:65532
ENTRYPOINT ["/pm-todos"]
