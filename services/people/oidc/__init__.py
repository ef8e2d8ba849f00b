"""Sign-in by a site's identity provider: OpenID Connect, authorization code with PKCE."""
