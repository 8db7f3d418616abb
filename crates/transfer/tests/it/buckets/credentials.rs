//! Where credentials come from, and that none of them is told.

use jay_transfer::remote::Remote;
use jay_transfer::remote::bucket::{Bucket, BucketSettings, VARIABLES, is_bucket};
use jay_types::{Code, Error};

fn settings(variables: &[(&str, &str)]) -> BucketSettings {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    BucketSettings { variables: variables.iter().map(owned).collect(), ..BucketSettings::default() }
}

fn opened(address: &str, variables: &[(&str, &str)]) -> Result<Bucket, Error> {
    let settings = settings(variables);
    assert!(!format!("{settings:?}").contains("hunter2"));
    let bucket = Bucket::new(address, &settings);
    match &bucket {
        Ok(bucket) => assert!(!format!("{bucket:?} {}", bucket.address()).contains("hunter2")),
        Err(error) => {
            assert_eq!(error.code, Code::BadInput, "{error:?}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }
    bucket
}

fn hint(address: &str, variables: &[(&str, &str)]) -> String {
    opened(address, variables).unwrap_err().hint.unwrap()
}

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "hunter2")];
const ACCOUNT: (&str, &str) = ("AZURE_STORAGE_ACCOUNT", "acme1");

#[test]
fn what_the_clouds_tools_take_is_taken() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    for (address, variables) in [
        ("s3://b1x/p", &KEYS[..]),
        ("s3://b1x/p", &[KEYS[0], KEYS[1], ("AWS_SESSION_TOKEN", "hunter2"), ("AWS_REGION", "eu-west-3")]),
        ("s3://b1x/p", &[("AWS_WEB_IDENTITY_TOKEN_FILE", path), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x")]),
        ("s3://b1x/p", &[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/hunter2")]),
        ("s3://b1x/p?credentials=machine", &[]),
        ("gs://b1x/p?credentials=machine", &[("GOOGLE_APPLICATION_CREDENTIALS", "/none/hunter2")]),
        ("az://box/p", &[ACCOUNT, ("AZURE_STORAGE_KEY", "aHVudGVyMg==")]),
        ("az://box/p?account=acme1", &[("AZURE_STORAGE_SAS_TOKEN", "?sv=1&sig=hunter2")]),
        ("abfss://box@acme1.dfs.core.windows.net/p", &[("AZURE_STORAGE_TOKEN", "hunter2")]),
        (
            "az://box/p?account=acme1",
            &[("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "hunter2")],
        ),
        ("az://box/p?account=acme1&credentials=machine", &[]),
    ] {
        assert!(opened(address, variables).is_ok(), "{address}: {variables:?}");
    }
}

#[test]
fn what_is_missing_is_named() {
    for (address, variables, names) in [
        ("s3://b1x/p", &[][..], "AWS_ACCESS_KEY_ID"),
        ("s3://b1x/p", &[("AWS_ACCESS_KEY_ID", " "), ("AWS_SECRET_ACCESS_KEY", "")], "credentials=machine"),
        ("s3://b1x/p", &[KEYS[0]], "AWS_SECRET_ACCESS_KEY"),
        ("s3://b1x/p", &[("AWS_PROFILE", "hunter2")], "aws configure export-credentials"),
        ("gs://b1x/p", &[], "GOOGLE_APPLICATION_CREDENTIALS"),
        ("az://box/p", &[("AZURE_STORAGE_KEY", "hunter2")], "account=NAME"),
        ("az://box/p?account=acme1", &[], "AZURE_STORAGE_KEY"),
        ("az://box/p", &[ACCOUNT, ("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c")], "AZURE_CLIENT_SECRET"),
    ] {
        let hint = hint(address, variables);
        assert!(hint.contains(names), "{address}: {hint}");
    }
}

#[test]
fn what_cannot_be_right_is_refused_before_anything_is_sent() {
    for (address, variables) in [
        ("s3://b1x/p", &[KEYS[0], ("AWS_SECRET_ACCESS_KEY", "hunter2\nx: y")][..]),
        ("s3://b1x/p", &[KEYS[0], KEYS[1], ("AWS_SESSION_TOKEN", "hunter2 \u{e9}")]),
        ("s3://b1x/p", &[KEYS[0], KEYS[1], ("AWS_ENDPOINT_URL", "https://me:hunter2@minio.example")]),
        ("s3://b1x/p", &[KEYS[0], KEYS[1], ("AWS_ENDPOINT_URL", "http://minio.example/hunter2")]),
        ("s3://b1x/p", &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/none/hunter2"), ("AWS_ROLE_ARN", "x")]),
        ("gs://b1x/p", &[("GOOGLE_APPLICATION_CREDENTIALS", "/none/hunter2")]),
        ("gs://b1x/p", &[("GOOGLE_SERVICE_ACCOUNT_KEY", "{\"private_key\": \"hunter2\"}")]),
        ("az://box/p", &[ACCOUNT, ("AZURE_STORAGE_KEY", "hunter2!")]),
        ("az://box/p", &[ACCOUNT, ("AZURE_STORAGE_SAS_TOKEN", "hunter2%ff")]),
    ] {
        assert!(opened(address, variables).is_err(), "{address}: {variables:?}");
    }
    let plain = [KEYS[0], KEYS[1], ("AWS_ENDPOINT_URL", "http://minio.example"), ("AWS_ALLOW_HTTP", "true")];
    assert!(opened("s3://b1x/p", &plain).is_ok(), "said explicitly");
}

#[test]
fn a_path_is_no_bucket() {
    for text in ["/home/me/s3", "C://x", "s3", "s3:/x", "https://b1x.example", "file:///x"] {
        assert!(!is_bucket(text), "{text}");
    }
    assert!(is_bucket("S3://b1x") && is_bucket("abfss://box@acme1.dfs.core.windows.net"));
}

#[test]
fn the_list_of_variables_is_in_order_and_documented() {
    assert!(VARIABLES.is_sorted());
    let page = include_str!("../../../../../docs/remotes.md");
    for name in VARIABLES {
        assert!(page.contains(&format!("`{name}`")), "{name} stands not in docs/remotes.md");
    }
}
