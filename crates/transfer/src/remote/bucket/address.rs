//! Where a bucket is: read once, so that no later step asks what an address means.
//!
//! **Invariant:** an address holds nothing secret: users, passwords and unknown options are refused, and what is refused is
//! not repeated.

use crate::remote::check_path;
use jay_types::{Error, Result};
use std::net::IpAddr;
use url::{Host, Url};

/// Most bytes of an address.
const ADDRESS_MAX: usize = 2048;
/// Most characters of the name of a bucket: Google's longest with dots.
const BUCKET_MAX: usize = 222;
/// Most characters of a prefix; paths below it are 400 at most, and a cloud takes 1,024 bytes.
const PREFIX_MAX: usize = 300;
/// Most characters of a region or an account.
const NAME_MAX: usize = 64;
/// What stands behind the name of an account in addresses of Azure's file systems.
const AZURE_HOSTS: [&str; 2] = [".dfs.core.windows.net", ".blob.core.windows.net"];

/// Whose protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cloud {
    /// Amazon S3, and what speaks like it.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage.
    Azure,
}

impl Cloud {
    /// An address as it should be, for hints.
    pub(super) const fn example(self) -> &'static str {
        match self {
            Self::S3 => {
                "s3://bucket/prefix?region=eu-central-1, or s3://bucket/prefix?endpoint=https://minio.example.com:9000"
            }
            Self::Google => "gs://bucket/prefix",
            Self::Azure => "az://container/prefix?account=name, or abfss://container@name.dfs.core.windows.net/prefix",
        }
    }

    const fn options(self) -> &'static [&'static str] {
        match self {
            Self::S3 => &["endpoint", "region", "allow_http", "credentials"],
            Self::Google => &["endpoint", "allow_http", "credentials"],
            Self::Azure => &["endpoint", "account", "allow_http", "credentials"],
        }
    }
}

/// A bucket, a prefix in it and how they are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) cloud: Cloud,
    pub(super) bucket: String,
    /// Without slashes at its ends; empty where files stand at the top.
    pub(super) prefix: String,
    /// A server other than the cloud's own.
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
    /// The account that an Azure container belongs to.
    pub(super) account: Option<String>,
    /// Said explicitly: plain HTTP is taken to other machines too.
    pub(super) allow_http: bool,
    /// Credentials are asked of the machine, which is one of the cloud.
    pub(super) asks_machine: bool,
    /// As people write it.
    pub(super) shown: String,
}

/// The cloud that an address names by its first word; none for a path or another address.
pub(super) fn cloud_of(text: &str) -> Option<Cloud> {
    let (scheme, _) = text.trim().split_once("://")?;
    match scheme.to_ascii_lowercase().as_str() {
        "s3" => Some(Cloud::S3),
        "gs" => Some(Cloud::Google),
        "az" | "abfss" => Some(Cloud::Azure),
        _ => None,
    }
}

fn refused(cloud: Cloud, what: &str) -> Error {
    Error::bad_input(format!("the address of the bucket {what}")).hint(format!("Write it like {}.", cloud.example()))
}

fn has_credential(cloud: Cloud) -> Error {
    refused(cloud, "has a credential in it")
        .hint("Take it out and set it as an environment variable (docs/remotes.md lists them): addresses are shown and stored.")
}

fn is_name(text: &str, max: usize) -> bool {
    let mut bytes = text.bytes();
    text.len() <= max
        && bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

impl Address {
    /// Reads `s3://…`, `gs://…`, `az://…` or `abfss://…`.
    ///
    /// # Errors
    /// `bad_input`, which repeats nothing of an address that may hold a credential.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let Some(cloud) = cloud_of(text) else {
            return Err(Error::bad_input("the address names no kind of bucket").hint(format!(
                "Write it like {}, {} or {}.",
                Cloud::S3.example(),
                Cloud::Google.example(),
                Cloud::Azure.example()
            )));
        };
        if text.len() > ADDRESS_MAX {
            return Err(refused(cloud, &format!("is longer than {ADDRESS_MAX} bytes")));
        }
        let url = Url::parse(text).map_err(|_| refused(cloud, "cannot be read"))?;
        if url.fragment().is_some() {
            return Err(refused(cloud, "has a `#` in it"));
        }
        if url.port().is_some() {
            return Err(refused(cloud, "has a port; another server is named with ?endpoint=https://host:port"));
        }
        let (bucket, account) = names(cloud, &url)?;
        if !is_name(&bucket, BUCKET_MAX) || bucket.contains("..") {
            return Err(refused(cloud, "names no bucket that there could be"));
        }
        let prefix = url.path().trim_matches('/').to_owned();
        if !prefix.is_empty() && (prefix.len() > PREFIX_MAX || check_path(&prefix).is_err()) {
            return Err(refused(cloud, "has a prefix with other than letters, digits and -_.+(),'=@~ in its names"));
        }
        let mut address = Self {
            cloud,
            bucket,
            prefix,
            endpoint: None,
            region: None,
            account,
            allow_http: false,
            asks_machine: false,
            shown: String::new(),
        };
        address.take_options(&url)?;
        if let Some(endpoint) = &address.endpoint {
            demand_safe(cloud, endpoint, address.allow_http)?;
        }
        address.shown = address.show(url.scheme());
        Ok(address)
    }

    fn take_options(&mut self, url: &Url) -> Result<()> {
        let cloud = self.cloud;
        let mut seen = Vec::new();
        for (name, value) in url.query_pairs() {
            let known = cloud.options().iter().find(|known| **known == name);
            let Some(known) = known else {
                let name = name.to_ascii_lowercase();
                let is_secret = ["key", "secret", "token", "pass", "sig", "sas", "cred"];
                if is_secret.iter().any(|word| name.contains(word)) {
                    return Err(has_credential(cloud));
                }
                let options = cloud.options().join(", ");
                return Err(refused(cloud, &format!("has an option that is not known; there are {options}")));
            };
            if seen.contains(known) {
                return Err(refused(cloud, &format!("says {known} twice")));
            }
            seen.push(*known);
            match (*known, &*value) {
                ("endpoint", text) => self.endpoint = Some(read_endpoint(cloud, text)?),
                ("region", text) if is_name(text, NAME_MAX) => self.region = Some(text.to_owned()),
                ("account", text) if is_name(text, NAME_MAX) && self.account.is_none() => {
                    self.account = Some(text.to_owned());
                }
                ("allow_http", "true") => self.allow_http = true,
                ("allow_http", "false") => self.allow_http = false,
                ("credentials", "machine") => self.asks_machine = true,
                ("allow_http", _) => return Err(refused(cloud, "says allow_http with other than true or false")),
                ("credentials", _) => return Err(refused(cloud, "says credentials with other than machine")),
                _ => return Err(refused(cloud, &format!("names a {known} that there cannot be"))),
            }
        }
        Ok(())
    }

    fn show(&self, scheme: &str) -> String {
        let mut shown = match (&self.account, scheme) {
            (Some(account), "abfss") => format!("abfss://{}@{account}{}", self.bucket, AZURE_HOSTS[0]),
            _ => format!("{scheme}://{}", self.bucket),
        };
        if !self.prefix.is_empty() {
            shown = format!("{shown}/{}", self.prefix);
        }
        let account = self.account.as_ref().filter(|_| scheme != "abfss");
        let options = [
            ("endpoint", self.endpoint.as_ref()),
            ("region", self.region.as_ref()),
            ("account", account),
            ("allow_http", self.allow_http.then(|| "true".to_owned()).as_ref()),
            ("credentials", self.asks_machine.then(|| "machine".to_owned()).as_ref()),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| format!("{name}={value}")))
        .collect::<Vec<_>>();
        if options.is_empty() { shown } else { format!("{shown}?{}", options.join("&")) }
    }

    /// A server that an environment variable names, by the same rules as one in the address.
    ///
    /// # Errors
    /// `bad_input`.
    pub(super) fn read_endpoint(&self, text: &str, allow_http: bool) -> Result<String> {
        let endpoint = read_endpoint(self.cloud, text)?;
        demand_safe(self.cloud, &endpoint, self.allow_http || allow_http)?;
        Ok(endpoint)
    }
}

/// Bucket and account: where they stand depends on the scheme.
fn names(cloud: Cloud, url: &Url) -> Result<(String, Option<String>)> {
    let host = url.host_str().unwrap_or_default();
    if url.password().is_some() {
        return Err(has_credential(cloud));
    }
    if url.scheme() != "abfss" {
        return if url.username().is_empty() { Ok((host.to_owned(), None)) } else { Err(has_credential(cloud)) };
    }
    let account = AZURE_HOSTS.iter().find_map(|end| host.strip_suffix(end));
    match account.filter(|account| is_name(account, NAME_MAX)) {
        Some(account) if !url.username().is_empty() => Ok((url.username().to_owned(), Some(account.to_owned()))),
        _ => Err(refused(cloud, "names no container and account")),
    }
}

/// Scheme, host, port and path of a server.
fn read_endpoint(cloud: Cloud, text: &str) -> Result<String> {
    let bad = || refused(cloud, "names an endpoint that is neither https://host nor http://host");
    let url = Url::parse(text.trim()).map_err(|_| bad())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(has_credential(cloud));
    }
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.has_host();
    if !is_plain || !["http", "https"].contains(&url.scheme()) {
        return Err(bad());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Plain HTTP stays on this machine, unless somebody says otherwise.
fn demand_safe(cloud: Cloud, endpoint: &str, allow_http: bool) -> Result<()> {
    let is_safe = Url::parse(endpoint).is_ok_and(|url| url.scheme() == "https" || is_here(&url));
    if is_safe || allow_http {
        return Ok(());
    }
    Err(refused(cloud, "names an endpoint on another machine without TLS")
        .hint("Write https://, or add allow_http=true to the address if that network is trusted with the files' names and sizes."))
}

/// True where what is sent there stays on this machine.
pub(super) fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        // A name is this machine's only where the standard says so (RFC 6761).
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jay_types::Code;

    fn read(text: &str) -> Address {
        Address::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn what_an_address_says() {
        let plain = read("s3://Team-Memory/jay/home/");
        assert_eq!((plain.cloud, plain.bucket.as_str(), plain.prefix.as_str()), (Cloud::S3, "Team-Memory", "jay/home"));
        assert_eq!(plain.shown, "s3://Team-Memory/jay/home");
        let minio = read(" s3://b1x?endpoint=https://minio.example:9000/&region=eu-central-1 ");
        assert_eq!(minio.endpoint.as_deref(), Some("https://minio.example:9000"));
        assert_eq!(minio.shown, "s3://b1x?endpoint=https://minio.example:9000&region=eu-central-1");
        let google = read("gs://my_bucket.example.com/a+b/c");
        assert_eq!((google.cloud, google.bucket.as_str()), (Cloud::Google, "my_bucket.example.com"));
        let azure = read("az://box/p?account=acme1&credentials=machine");
        assert_eq!((azure.account.as_deref(), azure.asks_machine), (Some("acme1"), true));
        let lake = read("abfss://box@acme1.dfs.core.windows.net/p");
        assert_eq!((lake.bucket.as_str(), lake.account.as_deref(), lake.prefix.as_str()), ("box", Some("acme1"), "p"));
        for shown in [plain, minio, google, azure, lake] {
            assert_eq!(read(&shown.shown), shown, "what is shown can be typed");
        }
    }

    #[test]
    fn plain_http_leaves_this_machine_only_where_that_is_said() {
        for here in ["http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:1"] {
            assert!(read(&format!("s3://b1x?endpoint={here}")).endpoint.is_some(), "{here}");
        }
        for there in ["http://10.0.0.1:9000", "http://localhost.example.com", "http://[::ffff:127.0.0.1]"] {
            let error = Address::parse(&format!("s3://b1x?endpoint={there}")).unwrap_err();
            assert!(error.hint.unwrap().contains("allow_http=true"), "{there}");
            assert!(read(&format!("s3://b1x?endpoint={there}&allow_http=true")).allow_http);
        }
    }

    #[test]
    fn a_bad_address_is_refused_with_a_right_one() {
        for bad in [
            "",
            "/home/me",
            "https://b1x.s3.amazonaws.com",
            "s3:b1x",
            "s3://",
            "s3:///prefix",
            "s3://-x",
            "s3://a..b",
            "s3://b1x:9000/p",
            "s3://b1x/a b",
            "s3://b1x/.git",
            "s3://b1x/a//b",
            "s3://b1x#x",
            "s3://b1x?account=x",
            "s3://b1x?region=eu central",
            "s3://b1x?region=a&region=b",
            "s3://b1x?allow_http=yes",
            "s3://b1x?credentials=profile",
            "s3://b1x?endpoint=minio.example:9000",
            "s3://b1x?endpoint=https://h/?x=1",
            "gs://b1x?region=a",
            "az://box?account=a/b",
            "abfss://acme1.dfs.core.windows.net/p",
            "abfss://box@acme1.example.com/p",
            &format!("s3://b1x/{}", "a".repeat(2048)),
        ] {
            let error = Address::parse(bad).expect_err(bad);
            assert_eq!(error.code, Code::BadInput, "{bad}");
            assert!(error.hint.unwrap().contains("Write it like "), "{bad}");
        }
    }

    #[test]
    fn a_credential_in_an_address_is_refused_and_not_repeated() {
        for bad in [
            "s3://AKIAX:hunter2@b1x/p",
            "s3://hunter2@b1x/p",
            "gs://hunter2@b1x",
            "az://box:hunter2@acme1",
            "abfss://box:hunter2@acme1.dfs.core.windows.net/p",
            "s3://b1x?access_key_id=hunter2",
            "s3://b1x?X-Amz-Signature=hunter2",
            "az://box?sig=hunter2",
            "s3://b1x?hunter2",
            "s3://b1x?endpoint=https://me:hunter2@minio.example",
            "s3://b1x?region=%00hunter2",
        ] {
            let error = Address::parse(bad).expect_err(bad);
            assert_eq!(error.code, Code::BadInput);
            assert!(!format!("{error:?}").contains("hunter2"), "{bad}: {error:?}");
        }
        let hint = Address::parse("s3://AKIAX:hunter2@b1x/p").unwrap_err().hint.unwrap();
        assert!(hint.contains("environment variable"), "{hint}");
    }
}
