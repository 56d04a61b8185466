package sshclient

import (
	"fmt"

	"golang.org/x/crypto/ssh"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/sshkey"
)

// readKey is the key that logs in, with its certificate when it has one.
func readKey(key secret.String, certificate string) (ssh.Signer, error) {
	signer, err := sshkey.Private(key)
	if err != nil {
		return nil, keyError("it", err)
	}
	if certificate == "" {
		return signer, nil
	}
	if signer, err = sshkey.Certified(signer, certificate); err != nil {
		return nil, keyError("its certificate", err)
	}
	return signer, nil
}

func keyError(what string, err error) error {
	return fault.Mark(fault.Failed, fmt.Errorf("SSH key: %w: %s %w", errKey, what, err))
}
