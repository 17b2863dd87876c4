/* Headers that proxies add, each by its name, and headers that programs send themselves. The names
 * are those of the vendors' own documentation, and of lists by which such headers are forged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/proxyheader.h"

static const char *const of_proxies[] = {
    /* standards (RFC 7239, RFC 9110 7.6.3 and 7.6.2, RFC 8586) and what everybody copies */
    "forwarded", "via", "max-forwards", "cdn-loop", "proxy-connection", "proxy-authorization",
    "surrogate-capability", "client-cert", "client-cert-chain", "x-forwarded", "x-forwarded-by",
    "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto",
    "x-forwarded-protocol", "x-forwarded-scheme", "x-forwarded-server", "x-forwarded-ssl",
    "x-forwarded-prefix", "x-forwarded-path", "x-forwarded-uri", "x-forwarded-user",
    "x-forwarded-email", "x-forwarded-groups", "x-forwarded-preferred-username",
    "x-forwarded-access-token", "x-forwarded-client-cert", "x-forwarded-for-original", "x-real-ip",
    "x-real-port", "x-client-ip", "client-ip", "true-client-ip", "x-true-client-ip", "x-remote-ip",
    "x-remote-addr", "x-remote-user", "remote-user", "remote-addr", "x-original-for",
    "x-original-host", "x-original-method", "x-original-proto", "x-original-uri", "x-original-url",
    "x-original-forwarded-for", "x-original-remote-addr", "x-originating-ip", "x-rewrite-url",
    "x-http-host-override", "x-host", "x-url-scheme", "x-scheme", "front-end-https",
    "x-request-start", "x-queue-start", "x-client-cert", "x-client-verify", "x-ssl-client-cert",
    "x-ssl-client-verify", "ssl-client-cert", "ssl-client-subject-dn",
    /* Cloudflare */
    "cf-connecting-ip", "cf-connecting-ipv6", "cf-pseudo-ipv4", "cf-ray", "cf-visitor",
    "cf-ipcountry", "cf-worker", "cf-ew-via", "cf-warp-tag-id", "cf-access-jwt-assertion",
    "cf-access-authenticated-user-email", "cdn-loop",
    /* Fastly, Akamai, Varnish, Squid, other delivery networks */
    "fastly-client-ip", "fastly-ff", "fastly-ssl", "fastly-client", "fastly-temp-xff",
    "x-fastly-request-id", "akamai-origin-hop", "x-akamai-edgescape", "x-akamai-config-log-detail",
    "x-varnish", "x-bluecoat-via", "x-sucuri-clientip", "x-sucuri-country", "incap-client-ip",
    "x-iinfo", "x-cdn-forward", "cdn-src-ip", "cdn-requestcountrycode", "x-edge-location",
    "ali-cdn-real-ip", "eagleeye-traceid", "x-proxymesh-ip", "x-proxyuser-ip",
    /* Azure: Front Door, Application Gateway, App Service with its IIS ARR and Easy Auth */
    "x-azure-clientip", "x-azure-socketip", "x-azure-ref", "x-azure-fdid", "x-azure-requestchain",
    "x-fd-healthprobe", "x-appgw-trace-id", "x-arr-clientcert", "x-arr-ssl", "x-arr-log-id",
    "x-appservice-proto", "x-site-deployment-id", "x-waws-unencoded-url", "was-default-hostname",
    "disguised-host", "x-ms-client-principal", "x-ms-client-principal-name",
    "x-ms-token-aad-access-token",
    /* AWS: load balancers, CloudFront, API Gateway */
    "x-amzn-trace-id", "x-amzn-mtls-clientcert", "x-amzn-mtls-clientcert-subject",
    "x-amzn-oidc-identity", "x-amzn-oidc-data", "x-amzn-tls-version", "x-amzn-tls-cipher-suite",
    "x-amz-cf-id", "cloudfront-viewer-address", "cloudfront-viewer-country",
    "cloudfront-forwarded-proto", "cloudfront-is-mobile-viewer",
    /* Google: load balancers, App Engine, Identity-Aware Proxy */
    "x-cloud-trace-context", "x-appengine-user-ip", "x-appengine-country",
    "x-appengine-default-version-hostname", "x-goog-iap-jwt-assertion",
    "x-goog-authenticated-user-email", "x-goog-authenticated-user-id", "x-google-apps-metadata",
    "x-client-geo-location-ip-country",
    /* Fly, Vercel, Netlify, Heroku, Render, Railway, DigitalOcean, Replit, Rackspace */
    "fly-client-ip", "fly-forwarded-port", "fly-forwarded-proto", "fly-forwarded-ssl", "fly-region",
    "fly-request-id", "x-vercel-forwarded-for", "x-vercel-id", "x-vercel-deployment-url",
    "x-vercel-ip-country", "x-vercel-proxied-for", "x-nf-client-connection-ip", "x-nf-request-id",
    "x-nf-account-id", "connect-time", "total-route-time", "rndr-id", "x-railway-edge",
    "do-connecting-ip", "x-replit-user-id", "x-replit-user-name", "x-cluster-client-ip",
    /* Envoy, Istio, Linkerd, Traefik, HAProxy, ingress-nginx, Kong, WebLogic, DataPower */
    "x-envoy-external-address", "x-envoy-original-path", "x-envoy-attempt-count",
    "x-envoy-expected-rq-timeout-ms", "x-envoy-peer-metadata", "x-envoy-decorator-operation",
    "x-istio-attributes", "l5d-client-id", "l5d-dst-canonical", "x-forwarded-tls-client-cert",
    "x-forwarded-tls-client-cert-info", "x-traefik-router", "x-haproxy-server-state",
    "x-consumer-username", "x-consumer-id", "wl-proxy-client-ip", "wl-proxy-ssl", "proxy-client-ip",
    "x-backside-transport", "x-lb-node",
    /* tunnels and logins in front of a site: Tailscale, ngrok, oauth2-proxy, Authelia, authentik,
     * Pomerium, Grafana's */
    "tailscale-user-login", "tailscale-user-name", "tailscale-headers-info",
    "ngrok-auth-user-email", "ngrok-skip-browser-warning", "x-auth-request-user",
    "x-auth-request-email", "remote-groups", "remote-email", "x-authentik-username",
    "x-pomerium-jwt-assertion", "x-pomerium-claim-email", "x-webauth-user",
    /* seen in lists of forged ones, misspelled ones among them */
    "x-forward-for", "x-forwarder-for", "x-forwared-host", "x-forwarding-for", "forwarder-for",
    "forwarded-for", "forwarded-for-ip", "z-forwarded-for", "http-forwarded-for-ip", "x-proxy-url",
    "x-true-ip", "x-true-client", "x-source-ip", "source-ip", "real-ip", "real-client-ip",
    "x-from-ip", "x-host-ip", "x-server-ip", "x-origin-ip", "x-origin-host", "x-originating-host",
    "x-original-hostname", "x-custom-ip-authorization", "x-coming-from", "x-backend-host",
    "cluster-client-ip", "connect-via-ip", "pc-remote-addr", "http-via", "http-client-ip", "x-ip",
    "ip", "c-ip", "x-visitor-ipv4", "x-client-ipv6", "x-realip", "x-trueip", "x-socketip",
    "x-userip", "clientip", "x-cluster-client", "x-tls-version", "x-client", "x-client-host",
    "x-client-port", "x-origin", "x-ssl", "true-client", "x-server", "x-port"};

static const char *const of_programs[] = {
    /* HTTP's own, as curl, browsers, Python, Node and Go send them */
    "accept", "accept-charset", "accept-encoding", "accept-language", "authorization",
    "cache-control", "connection", "content-encoding", "content-length", "content-type", "cookie",
    "date", "dnt", "expect", "from", "host", "if-match", "if-none-match", "if-modified-since",
    "keep-alive", "origin", "pragma", "priority", "range", "referer", "te", "transfer-encoding",
    "upgrade", "upgrade-insecure-requests", "user-agent", "sec-ch-ua", "sec-ch-ua-platform",
    "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "sec-fetch-user", "sec-gpc",
    "x-requested-with", "x-http-method-override", "x-api-key", "api-key",
    /* OpenAI's and Azure's SDKs */
    "openai-beta", "openai-organization", "openai-project", "openai-version", "x-stainless-lang",
    "x-stainless-package-version", "x-stainless-os", "x-stainless-arch", "x-stainless-runtime",
    "x-stainless-runtime-version", "x-stainless-async", "x-stainless-retry-count",
    "x-stainless-read-timeout", "x-stainless-timeout", "x-stainless-helper-method",
    "x-stainless-poll-helper", "x-stainless-raw-response", "x-client-request-id",
    "x-ms-client-request-id", "x-ms-useragent", "x-ms-date", "x-ms-return-client-request-id",
    "x-ms-oai-image-generation-deployment", "azureml-model-deployment",
    /* other providers' SDKs and the tools around them */
    "anthropic-version", "anthropic-beta", "anthropic-dangerous-direct-browser-access",
    "x-goog-api-client", "x-goog-api-key", "x-goog-user-project", "x-amz-date",
    "x-amz-security-token", "x-amz-content-sha256", "amz-sdk-invocation-id", "amz-sdk-request",
    "http-referer", "x-title", "x-session-id", "x-portkey-api-key", "x-portkey-config",
    "x-portkey-provider", "helicone-auth", "helicone-user-id", "x-litellm-tags",
    "x-litellm-timeout", "x-groq-model-version", "x-cohere-client", "x-client-name",
    "x-client-version", "x-app", "x-postern-delivery", "chatgpt-account-id", "originator",
    "session_id", "conversation_id", "editor-version", "copilot-integration-id", "mcp-session-id",
    "mcp-protocol-version", "x-openwebui-user-name", "x-openwebui-chat-id",
    /* tracing and retries */
    "x-request-id", "x-correlation-id", "request-id", "traceparent", "tracestate", "baggage",
    "sentry-trace", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "uber-trace-id",
    "x-datadog-trace-id", "x-datadog-parent-id", "newrelic", "elastic-apm-traceparent",
    "idempotency-key", "x-retry-count", "x-should-retry", "x-zip", "x-tooltip", ""};

static void
a_proxys_header_is_known_by_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(of_proxies) / sizeof(of_proxies[0]); i++) {
        if (!proxyheader_is(span_from(of_proxies[i])))
            fail_msg("%s passes for a program's own", of_proxies[i]);
    }
}

static void
what_programs_send_themselves_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(of_programs) / sizeof(of_programs[0]); i++) {
        if (proxyheader_is(span_from(of_programs[i])))
            fail_msg("%s is taken for a proxy's", of_programs[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proxys_header_is_known_by_its_name),
        cmocka_unit_test(what_programs_send_themselves_is_none),
    };
    return cmocka_run_group_tests_name("core/proxyheader", tests, NULL, NULL);
}
