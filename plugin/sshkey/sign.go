package sshkey

import (
	"crypto/rand"
	"crypto/sha512"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// The format of detached signatures is that of OpenSSH's PROTOCOL.sshsig.
const (
	signatureMagic   = "SSHSIG"
	signatureVersion = 1
	signatureHash    = "sha512"
)

// signed is what the key signs, after the magic.
type signed struct{ Namespace, Reserved, HashAlgorithm, Hash string }

// signature is the armoured message, after the magic.
type signature struct {
	Version                                                      uint32
	PublicKey, Namespace, Reserved, HashAlgorithm, SignatureBlob string
}

// Sign is the signature of a message for one purpose, as ssh-keygen -Y sign
// makes it: "git" is the namespace of commits.
func Sign(signer ssh.Signer, namespace string, message []byte) (string, error) {
	algorithm := ""
	if signer.PublicKey().Type() == ssh.KeyAlgoRSA {
		algorithm = ssh.KeyAlgoRSASHA512 // the format allows no SHA-1
	}
	able, ok := signer.(ssh.AlgorithmSigner)
	if !ok {
		return "", errors.New("the key cannot choose how to sign")
	}
	hash := sha512.Sum512(message)
	made, err := able.SignWithAlgorithm(rand.Reader, append([]byte(signatureMagic), ssh.Marshal(signed{
		Namespace: namespace, HashAlgorithm: signatureHash, Hash: string(hash[:]),
	})...), algorithm)
	if err != nil {
		return "", fmt.Errorf("sign with the key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "SSH SIGNATURE", Bytes: append([]byte(signatureMagic), ssh.Marshal(signature{
		Version: signatureVersion, PublicKey: string(signer.PublicKey().Marshal()), Namespace: namespace,
		HashAlgorithm: signatureHash, SignatureBlob: string(ssh.Marshal(made)),
	})...)})), nil
}
