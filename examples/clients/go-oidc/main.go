// Signs a person in with go-oidc, and counts the dossiers of that person.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

func main() {
	ctx := context.Background()
	issuer := setting("ISSUER", "http://127.0.0.1:8002")
	provider := must(oidc.NewProvider(ctx, issuer))
	config := oauth2.Config{
		ClientID:    setting("OIDC_CLIENT", "lienthong-default"),
		Endpoint:    provider.Endpoint(),
		RedirectURL: "http://127.0.0.1:8400/signed-in",
		Scopes:      []string{oidc.ScopeOpenID, "profile"},
	}
	state, nonce, verifier := oauth2.GenerateVerifier(), oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	address := config.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier),
		oauth2.SetAuthURLParam("login_hint", "lan"))

	// A web application redirects the browser to this address. With a login_hint the browser comes back at once:
	returned := browse(address)
	check(returned.Get("state") == state && returned.Get("iss") == issuer, "not the reply to this request")
	token := must(config.Exchange(ctx, returned.Get("code"), oauth2.VerifierOption(verifier)))

	idToken, _ := token.Extra("id_token").(string)
	// Verify checks signature, issuer, audience and times; the nonce is left to us.
	verified := must(provider.Verifier(&oidc.Config{ClientID: config.ClientID}).Verify(ctx, idToken))
	check(verified.Nonce == nonce, "another nonce")
	info := must(provider.UserInfo(ctx, oauth2.StaticTokenSource(token)))
	check(info.Subject == verified.Subject, "userinfo is of another person")

	reply := must(config.Client(ctx, token).Get(setting("LIENTHONG_URL", "http://127.0.0.1:8000") + "/api/v1/dossiers"))
	check(reply.StatusCode == http.StatusOK, reply.Status)
	var person struct{ Name string }
	var dossiers []any
	must(0, verified.Claims(&person))
	must(0, json.NewDecoder(reply.Body).Decode(&dossiers))
	fmt.Printf("%s signed in and has %d dossiers\n", person.Name, len(dossiers))
}

func browse(address string) url.Values {
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return must(must(browser.Get(address)).Location()).Query()
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func check(fits bool, otherwise string) {
	if !fits {
		log.Fatal(otherwise)
	}
}
