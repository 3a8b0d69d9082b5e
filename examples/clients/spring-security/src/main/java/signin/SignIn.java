package signin;

import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClient;
import org.springframework.security.oauth2.client.annotation.RegisteredOAuth2AuthorizedClient;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.client.RestClient;

/** A web application in which a person signs in with Spring Security, and sees how many dossiers they have. */
@SpringBootApplication
@RestController
public class SignIn {
    private final RestClient portal;

    SignIn(@Value("${portal}") String url) {
        portal = RestClient.create(url);
    }

    @GetMapping("/")
    String home(
            @AuthenticationPrincipal OidcUser person,
            @RegisteredOAuth2AuthorizedClient("lienthong") OAuth2AuthorizedClient client) {
        var token = client.getAccessToken().getTokenValue();
        var dossiers = portal.get().uri("/api/v1/dossiers").headers(headers -> headers.setBearerAuth(token))
                .retrieve().body(Object[].class);
        return "%s signed in and has %d dossiers (subject %s)".formatted(
                person.getFullName(), dossiers.length, person.getSubject());
    }

    public static void main(String[] args) {
        SpringApplication.run(SignIn.class, args);
    }
}
