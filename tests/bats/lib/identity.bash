# identity.bash - the web server arranged so that it authenticates, or believes somebody who says who
# calls; and the program in postern's place that tells what the server passed.
#
# An arrangement is one of:
#   none         nobody is asked for anything
#   basic        HTTP Basic is asked for
#   digest       HTTP Digest is asked for
#   any          Basic, or to come from this host (nginx: with what doc/nginx.conf says for Basic)
#   fake         every request gets Basic credentials from the server itself (Apache's AuthBasicFake)
#   certificate  a certificate names the user, whoever signed it (Apache's SSLUserName)
#   verified-certificate  one of a CA that the server knows names the user
#   forwarded    a header of whoever connects from this host names the user (lighttpd's mod_extforward)
#   error        postern answers for another place, where Basic was asked for in vain (Apache)
#   include      the distribution's fastcgi_params (nginx)
#   twice        what the server knows is passed a second time, as its configuration says (nginx, lighttpd)
#   real-ip      whoever connects from this host is believed about the caller's address

# arranges ARRANGEMENT - can this server do it?
arranges() {
    case $SERVER/$1 in
    */none | */basic | */real-ip) return 0 ;;
    lighttpd*/digest | apache*/digest | apache*/any | apache*/fake) return 0 ;;
    apache*/certificate | apache*/error | lighttpd*/forwarded) return 0 ;;
    nginx/any | nginx/include | nginx/twice | lighttpd*/twice) return 0 ;;
    *) return 1 ;;
    esac
}

make_users() {
    echo 'anna:secret' >"$GROUND/run/users"
    printf 'anna:%s\n' "$(openssl passwd -apr1 secret)" >"$GROUND/run/htpasswd"
    printf 'anna:x:%s\n' "$(printf 'anna:x:secret' | md5sum | cut -d' ' -f1)" >"$GROUND/run/htdigest"
    openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=anna -keyout "$GROUND/run/anna.key" \
        -out "$GROUND/run/anna.crt" 2>/dev/null
    chmod 644 "$GROUND"/run/{users,htpasswd,htdigest,anna.*}
}

# arrange ARRANGEMENT PROGRAM - restarts the server with it, the program in postern's place
arrange() {
    server_stop
    cp "$TREE"/{lighttpd.conf,apache.conf} "$TREE"/doc/{nginx.conf,lighttpd-cgi.conf} "$GROUND/conf/"
    install -m 755 "$2" "$GROUND/lib/postern.fcgi"
    case $SERVER in
    lighttpd*) arrange_lighttpd "$1" ;;
    apache*) arrange_apache "$1" >>"$GROUND/conf/apache.conf" ;;
    nginx) arrange_nginx "$1" ;;
    esac
    server_start
}

arrange_lighttpd() {
    case $1 in
    basic | digest)
        cat >"$GROUND/conf/more.conf" <<END
server.modules += ( "mod_auth", "mod_authn_file" )
auth.backend = "plain"
auth.backend.plain.userfile = "$GROUND/run/users"
auth.require = ( "/ai/" => ("method" => "$1", "realm" => "x", "require" => "valid-user") )
END
        ;;
    real-ip)
        cat >"$GROUND/conf/more.conf" <<'END'
server.modules += ( "mod_extforward" )
extforward.forwarder = ( "127.0.0.1" => "trust" )
extforward.headers = ( "X-Forwarded-For" )
END
        ;;
    forwarded)
        cat >"$GROUND/conf/more.conf" <<'END'
server.modules += ( "mod_extforward" )
extforward.forwarder = ( "127.0.0.1" => "trust" )
extforward.headers = ( "Forwarded" )
extforward.params = ( "remote_user" => "enable" )
END
        ;;
    twice)
        cat >"$GROUND/conf/more.conf" <<'END'
server.modules += ( "mod_setenv" )
setenv.add-environment = ( "REMOTE_ADDR" => "127.0.0.1" )
END
        ;;
    none) : >"$GROUND/conf/more.conf" ;;
    esac
    # mod_auth must be loaded before mod_fastcgi.
    sed -i '0,/^server.modules/s//include "more.conf"\n&/' "$GROUND/conf/$SERVER.conf"
}

arrange_apache() {
    local module
    for module in auth_basic auth_digest authn_core authn_file authz_host authz_user remoteip; do
        echo "LoadModule ${module}_module \${MODULES}/mod_$module.so"
    done
    if [[ $1 == *certificate ]]; then
        echo "LoadModule ssl_module \${MODULES}/mod_ssl.so"
        printf 'SSLEngine on\nSSLCertificateFile %s\nSSLCertificateKeyFile %s\n' \
            "$GROUND"/run/anna.{crt,key}
        printf 'SSLUserName SSL_CLIENT_S_DN_CN\nSSLOptions +StdEnvVars\n'
        [ "$1" != certificate ] || echo 'SSLVerifyClient optional_no_ca'
        [ "$1" = certificate ] ||
            printf 'SSLVerifyClient require\nSSLCACertificateFile %s\n' "$GROUND/run/anna.crt"
    fi
    if [ "$1" = error ]; then
        printf '<Location "/private">\nAuthType Basic\nAuthName x\nAuthUserFile %s\n' \
            "$GROUND/run/htpasswd"
        printf 'Require valid-user\nErrorDocument 401 /ai/v1/models\n</Location>\n'
    fi
    [ "$1" != real-ip ] || printf 'RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1\n'
    echo '<Location "/ai">'
    case $1 in
    basic)
        printf 'AuthType Basic\nAuthName x\nAuthUserFile %s\nRequire valid-user\n' "$GROUND/run/htpasswd"
        ;;
    digest)
        printf 'AuthType Digest\nAuthName x\nAuthDigestProvider file\nAuthUserFile %s\n' \
            "$GROUND/run/htdigest"
        echo 'Require valid-user'
        ;;
    any)
        printf 'AuthType Basic\nAuthName x\nAuthUserFile %s\n' "$GROUND/run/htpasswd"
        printf '<RequireAny>\nRequire ip 127.0.0.1\nRequire valid-user\n</RequireAny>\n'
        ;;
    fake) echo 'AuthBasicFake anna secret' ;;
    esac
    echo '</Location>'
}

arrange_nginx() {
    local lines=
    case $1 in
    basic | any)
        lines="auth_basic x; auth_basic_user_file $GROUND/run/htpasswd;"
        # shellcheck disable=SC2016 # nginx's own variable
        lines+=' fastcgi_param REMOTE_USER $remote_user; fastcgi_param AUTH_TYPE Basic;'
        [ "$1" = basic ] || lines+=' satisfy any; allow 127.0.0.1; deny all;'
        ;;
    include)
        sed -i -e '/fastcgi_param [A-Z_]* *\$/d' "$GROUND/conf/nginx.conf"
        lines='include /etc/nginx/fastcgi_params;'
        ;;
    twice) lines='include /etc/nginx/fastcgi_params;' ;;
    real-ip) lines='set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;' ;;
    esac
    sed -i "s#fastcgi_pass postern;#$lines &#" "$GROUND/conf/nginx.conf"
}

# passed NAME - the values of a parameter in the answer of tests/upstream/params.py, one a line
passed() {
    sed -n "s/^$1=//p" "$ANSWER/body"
}
