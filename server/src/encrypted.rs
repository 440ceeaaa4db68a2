//! Checks that connections to the database and to the mail server are encrypted and that their receiver is known. Other
//! connections are refused, unless the operator allows them (BAR.md S14, ASVS 12.3.2).

use std::net::IpAddr;

/// Whether a host is this machine, where no third party listens in between.
fn is_here(host: &str) -> bool {
    let plain = host.trim_start_matches('[').trim_end_matches(']');
    plain.is_empty()
        || plain.starts_with('/')
        || plain.eq_ignore_ascii_case("localhost")
        || plain.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The host of `host`, `host:port`, `[::1]` or `[::1]:port`.
fn without_port(place: &str) -> &str {
    if place.starts_with('[') {
        return place.split_once(']').map_or(place, |(address, _)| address.trim_start_matches('['));
    }
    place.rsplit_once(':').map_or(place, |(host, _)| host)
}

/// The text between the scheme and the path, without the user; and the text behind the question mark.
fn places(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = rest.split('/').next().unwrap_or("");
    (authority.rsplit_once('@').map_or(authority, |(_, places)| places), query)
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.split_once('=').filter(|(known, _)| *known == name)).map(|(_, value)| value)
}

/// `postgres://…`: every host is this machine, or the server's certificate and its name are checked.
pub fn check_database(url: &str) -> Result<(), String> {
    if !store::connection::is_postgres(url) {
        return Ok(());
    }
    let (authority, query) = places(url);
    let environment = std::env::var("PGSSLMODE").ok();
    let mode = parameter(query, "sslmode").or(environment.as_deref()).unwrap_or("prefer");
    let named = ["host", "hostaddr"].iter().filter_map(|name| parameter(query, name)).flat_map(|list| list.split(','));
    let named = named.map(|host| host.replace("%2F", "/").replace("%2f", "/"));
    let hosts: Vec<String> = authority.split(',').map(|place| without_port(place).to_owned()).chain(named).collect();
    if mode == "verify-full" || hosts.iter().all(|host| is_here(host)) {
        return Ok(());
    }
    Err(format!(
        "the connection to the database is not safe with sslmode={mode}: add sslmode=verify-full and sslrootcert=FILE to its address, or say --allow-plain-connections"
    ))
}

/// `smtp://…` or `smtps://…`: the server is this machine, or TLS is required, which checks its certificate and name.
pub fn check_mail(url: &str) -> Result<(), String> {
    let (authority, query) = places(url);
    let safe = url.starts_with("smtps://") || parameter(query, "tls") == Some("required");
    if safe || is_here(without_port(authority)) {
        return Ok(());
    }
    Err("mails hold keys and must not go out in the clear: write smtps://… or add ?tls=required to --smtp-url, or say --allow-plain-connections".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 12.3.2: nothing leaves the machine in the clear, or to a server whose certificate is not checked.
    #[test]
    fn only_checked_connections_leave_the_machine() {
        for safe in [
            "kontor.sqlite",
            "postgres://a:b@localhost/db",
            "postgres://a:b@127.0.0.1:5432/db",
            "postgres://a:b@[::1]:5432/db",
            "postgres:///db",
            "postgresql:///db?host=/var/run/postgresql",
            "postgres://a@/db?host=%2Fvar%2Frun",
            "postgres://a:b@db.example/db?sslmode=verify-full&sslrootcert=ca.pem",
            "postgres://a:b@one:5432,two:5432/db?target_session_attrs=read-write&sslmode=verify-full",
        ] {
            assert_eq!(check_database(safe), Ok(()), "{safe}");
        }
        for unsafe_one in [
            "postgres://a:b@db.example/db",
            "postgres://a:b@db.example/db?sslmode=require",
            "postgres://a:b@db.example/db?sslmode=verify-ca",
            "postgres://a:b@localhost,db.example/db",
            "postgres://a:localhost@db.example/db",
            "postgres:///db?host=db.example",
            "postgres:///db?hostaddr=10.0.0.1",
            "postgres://a:b@127.0.0.1.example/db",
        ] {
            assert!(check_database(unsafe_one).is_err_and(|why| why.contains("verify-full")), "{unsafe_one}");
        }
        for safe in
            ["smtps://a:b@mail.example", "smtp://mail.example:587?tls=required", "smtp://localhost:25", "smtp://127.0.0.1:2525"]
        {
            assert_eq!(check_mail(safe), Ok(()), "{safe}");
        }
        for unsafe_one in ["smtp://mail.example", "smtp://mail.example:25?tls=opportunistic", "smtp://a:localhost@mail.example"] {
            assert!(check_mail(unsafe_one).is_err(), "{unsafe_one}");
        }
    }
}
