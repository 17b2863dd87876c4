/* linked.c - an empty program that is linked with libcurl: what a start costs before anybody's code
 * has run. postern as CGI pays it for each request.
 */
#include <curl/curl.h>
#include <stdlib.h>

int
main(void)
{
    return curl_version_info(CURLVERSION_NOW) ? EXIT_SUCCESS : EXIT_FAILURE;
}
