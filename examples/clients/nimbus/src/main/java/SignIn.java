import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.oauth2.sdk.AuthorizationCodeGrant;
import com.nimbusds.oauth2.sdk.ResponseType;
import com.nimbusds.oauth2.sdk.Scope;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.http.HTTPRequest;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.oauth2.sdk.id.State;
import com.nimbusds.oauth2.sdk.pkce.CodeChallengeMethod;
import com.nimbusds.oauth2.sdk.pkce.CodeVerifier;
import com.nimbusds.openid.connect.sdk.AuthenticationRequest;
import com.nimbusds.openid.connect.sdk.AuthenticationResponseParser;
import com.nimbusds.openid.connect.sdk.Nonce;
import com.nimbusds.openid.connect.sdk.OIDCTokenResponse;
import com.nimbusds.openid.connect.sdk.UserInfoRequest;
import com.nimbusds.openid.connect.sdk.UserInfoResponse;
import com.nimbusds.openid.connect.sdk.op.OIDCProviderMetadata;
import com.nimbusds.openid.connect.sdk.validators.IDTokenValidator;
import java.net.URI;

/** Signs a person in with the Nimbus OpenID Connect SDK, and counts the dossiers of that person. */
public class SignIn {
    public static void main(String[] args) throws Exception {
        var issuer = new Issuer(setting("ISSUER", "http://127.0.0.1:8002"));
        var client = new ClientID(setting("OIDC_CLIENT", "lienthong-default"));
        var portal = setting("LIENTHONG_URL", "http://127.0.0.1:8000");
        var back = URI.create("http://127.0.0.1:8400/signed-in");
        var provider = OIDCProviderMetadata.resolve(issuer);

        var state = new State();
        var nonce = new Nonce();
        var verifier = new CodeVerifier();
        var request = new AuthenticationRequest.Builder(ResponseType.CODE, new Scope("openid", "profile"), client, back)
                .endpointURI(provider.getAuthorizationEndpointURI()).state(state).nonce(nonce)
                .codeChallenge(verifier, CodeChallengeMethod.S256).loginHint("lan").build();

        // A web application redirects the browser to request.toURI(). With a login_hint it comes back at once:
        var browser = new HTTPRequest(HTTPRequest.Method.GET, request.toURI());
        browser.setFollowRedirects(false);
        var returned = AuthenticationResponseParser.parse(browser.send().getLocation());
        check(returned.indicatesSuccess(), "nobody signed in");
        check(state.equals(returned.getState()) && issuer.equals(returned.getIssuer()), "not the reply to this request");

        var code = returned.toSuccessResponse().getAuthorizationCode();
        var grant = new AuthorizationCodeGrant(code, back, verifier);
        var exchange = new TokenRequest.Builder(provider.getTokenEndpointURI(), client, grant).build();
        var tokens = OIDCTokenResponse.parse(exchange.toHTTPRequest().send()).getOIDCTokens();

        // This checks signature, issuer, audience, nonce and times.
        var keys = provider.getJWKSetURI().toURL();
        var person = new IDTokenValidator(issuer, client, JWSAlgorithm.RS256, keys).validate(tokens.getIDToken(), nonce);
        var ask = new UserInfoRequest(provider.getUserInfoEndpointURI(), tokens.getAccessToken());
        var info = UserInfoResponse.parse(ask.toHTTPRequest().send()).toSuccessResponse().getUserInfo();
        check(info.getSubject().equals(person.getSubject()), "userinfo is of another person");

        var list = new HTTPRequest(HTTPRequest.Method.GET, URI.create(portal + "/api/v1/dossiers"));
        list.setAuthorization(tokens.getAccessToken().toAuthorizationHeader());
        var dossiers = list.send();
        dossiers.ensureStatusCode(200);
        var name = person.getStringClaim("name");
        System.out.println(name + " signed in and has " + dossiers.getBodyAsJSONArray().size() + " dossiers");
    }

    static String setting(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }

    static void check(boolean fits, String otherwise) {
        if (!fits) throw new IllegalStateException(otherwise);
    }
}
