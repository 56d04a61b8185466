# What the program that runs in the workspace printed since an offset, $most bytes
# of it at most.
[ -f "$ws/out/stdout" ] || exit 0
size "$ws/out/stdout"
length=$((bytes - from))
[ "$length" -gt 0 ] || exit 0
[ "$length" -le "$most" ] || length=$most
printf '\n%s printed:%s\n' "$nonce" "$length" >&3
tail -c "+$((from + 1))" "$ws/out/stdout" | head -c "$length" >&3
printf '\n%s done\n' "$nonce" >&3
