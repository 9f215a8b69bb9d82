//! Which addresses may be called: the public internet, and what the configuration adds.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// IPv4 that is not public: IANA's special-purpose registry (RFC 6890), multicast, the reserved rest, and one address
/// that looks public and is a cloud's inside.
static CLOSED_V4: LazyLock<Vec<Ipv4Net>> = LazyLock::new(|| {
    networks(&[
        "0.0.0.0/8",        // this network
        "10.0.0.0/8",       // private
        "100.64.0.0/10",    // carrier-grade NAT, and a cloud's metadata at 100.100.100.200
        "127.0.0.0/8",      // loopback
        "168.63.129.16/32", // Azure's host, from inside its machines
        "169.254.0.0/16",   // link-local, and the clouds' metadata at 169.254.169.254
        "172.16.0.0/12",    // private
        "192.0.0.0/24",     // protocol assignments
        "192.0.2.0/24",     // documentation
        "192.31.196.0/24",  // AS112
        "192.52.193.0/24",  // AMT
        "192.88.99.0/24",   // 6to4 relays
        "192.168.0.0/16",   // private
        "192.175.48.0/24",  // AS112
        "198.18.0.0/15",    // benchmarks
        "198.51.100.0/24",  // documentation
        "203.0.113.0/24",   // documentation
        "224.0.0.0/4",      // multicast
        "240.0.0.0/4",      // reserved, and broadcast
    ])
});

/// All of IPv6 that has been given out for the public internet (RFC 4291 §2.4).
static PUBLIC_V6: LazyLock<Vec<Ipv6Net>> = LazyLock::new(|| networks(&["2000::/3"]));

/// What of that is not public: protocols of their own, tunnels that end at an IPv4 address of the sender's choice, documentation.
static CLOSED_V6: LazyLock<Vec<Ipv6Net>> = LazyLock::new(|| {
    networks(&[
        "2001::/23",         // protocol assignments, with Teredo and ORCHID
        "2001:db8::/32",     // documentation
        "2002::/16",         // 6to4
        "2620:4f:8000::/48", // AS112
        "3fff::/20",         // documentation
    ])
});

fn networks<N: std::str::FromStr<Err: std::fmt::Debug>>(texts: &[&str]) -> Vec<N> {
    texts.iter().map(|text| text.parse().expect("the networks above are well-formed")).collect()
}

/// Decides whether an address may be called.
#[derive(Clone, Debug, Default)]
pub struct Allowed(Vec<IpNet>);

impl Allowed {
    /// The public internet and these networks.
    pub const fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether this address may be called.
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical(); // ::ffff:127.0.0.1 is 127.0.0.1
        self.0.iter().any(|network| network.contains(&address)) || is_public(address)
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !CLOSED_V4.iter().any(|network| network.contains(&address))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    PUBLIC_V6.iter().any(|network| network.contains(&address)) && !CLOSED_V6.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(allowed: &Allowed, text: &str) -> bool {
        allowed.permits(text.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_called() {
        let texts = ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.32.0.1", "192.167.1.1", "223.255.255.255"];
        for text in texts.into_iter().chain(["2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"]) {
            assert!(permits(&Allowed::default(), text), "{text}");
        }
    }

    #[test]
    fn what_is_not_public_is_never_called() {
        let v4 = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
        ];
        let v6 = [
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:7f00:1::",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        for text in v4.into_iter().chain(v6) {
            assert!(!permits(&Allowed::default(), text), "{text}");
        }
    }

    #[test]
    fn the_configuration_opens_a_network_and_no_more() {
        let allowed = Allowed::new(vec!["127.0.0.0/8".parse().unwrap(), "fd12::/16".parse().unwrap()]);
        assert!(["127.0.0.1", "::ffff:127.0.0.1", "fd12::1", "1.1.1.1"].iter().all(|text| permits(&allowed, text)));
        assert!(!["10.0.0.1", "::1", "fd13::1"].iter().any(|text| permits(&allowed, text)));
    }
}
