// Signs a person in with openid-client, and counts the dossiers of that person.
import * as client from 'openid-client'

const { ISSUER = 'http://127.0.0.1:8002', OIDC_CLIENT = 'lienthong-default' } = process.env
const { LIENTHONG_URL = 'http://127.0.0.1:8000' } = process.env

// openid-client refuses http unless it is allowed, and checks the signature of an id_token only if told to.
const options = { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] }
const config = await client.discovery(new URL(ISSUER), OIDC_CLIENT, undefined, client.None(), options)

const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedState = client.randomState()
const expectedNonce = client.randomNonce()
const address = client.buildAuthorizationUrl(config, {
  redirect_uri: 'http://127.0.0.1:8400/signed-in',
  scope: 'openid profile',
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
  state: expectedState,
  nonce: expectedNonce,
  login_hint: 'lan',
})

// A web application redirects the browser to this address. With a login_hint the browser comes back at once:
const returned = await fetch(address, { redirect: 'manual' })
const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true }
// This checks state and issuer, and of the id_token signature, issuer, audience, nonce and times.
const tokens = await client.authorizationCodeGrant(config, new URL(returned.headers.get('location')), checks)

const person = tokens.claims()
await client.fetchUserInfo(config, tokens.access_token, person.sub)
const door = new URL('/api/v1/dossiers', LIENTHONG_URL)
const dossiers = await client.fetchProtectedResource(config, tokens.access_token, door, 'GET')
if (!dossiers.ok) throw new Error(`${dossiers.status}: ${await dossiers.text()}`)
console.log(`${person.name} signed in and has ${(await dossiers.json()).length} dossiers`)
