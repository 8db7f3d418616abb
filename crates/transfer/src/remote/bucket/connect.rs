//! From an address and environment variables to the library's stores.
//!
//! Only the variables in [`VARIABLES`] mean something here. The library's own reading of the environment takes any option by
//! any variable, among them such as switch signatures or conditions off, and asks the network for credentials where none are
//! set. Here that is asked for only where the address says so.
//!
//! **Invariant:** no value of a variable stands in an error; nothing is sent.

use super::address::{Address, Cloud};
use super::fault::credentials_hint;
use super::transport::{Connector, Transport};
use super::{BucketSettings, Patience};
use jay_types::{Error, Result};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as S3Key};
use object_store::azure::{AzureConfigKey as AzureKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey as GoogleKey};
use object_store::list::PaginatedListStore;
use object_store::multipart::MultipartStore;
use object_store::{BackoffConfig, ClientOptions, HeaderMap, HeaderValue, ObjectStore, RetryConfig};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The environment variables that a bucket takes its credentials and places from: those of the clouds' own tools.
pub const VARIABLES: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_ALLOW_HTTP",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AZURE_AUTHORITY_HOST",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_STORAGE_ACCOUNT",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCOUNT_NAME",
    "AZURE_STORAGE_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_TOKEN",
    "AZURE_TENANT_ID",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "IDENTITY_ENDPOINT",
];

/// What a bucket needs of the library.
pub(super) trait Store: ObjectStore + MultipartStore + PaginatedListStore {}

impl<T: ObjectStore + MultipartStore + PaginatedListStore> Store for T {}

/// A bucket as the library knows it.
pub(super) struct Stores {
    pub(super) store: Arc<dyn Store>,
    /// The same bucket; what completes an upload through this one demands that nothing is there, where the cloud can.
    pub(super) completing: Arc<dyn Store>,
}

/// The stores of an address.
///
/// # Errors
/// `bad_input` where credentials are missing or cannot be any.
pub(super) fn connect(address: &Address, settings: &BucketSettings) -> Result<Stores> {
    let variables = Variables { cloud: address.cloud, values: &settings.variables };
    let retry = retry_of(&settings.patience);
    match address.cloud {
        Cloud::S3 => connect_s3(address, &variables, settings, retry),
        Cloud::Google => connect_google(address, &variables, settings, retry),
        Cloud::Azure => connect_azure(address, &variables, settings, retry),
    }
}

fn retry_of(patience: &Patience) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig { init_backoff: patience.pause_first, max_backoff: patience.pause_most, base: 2.0 },
        max_retries: patience.retries_max,
        retry_timeout: patience.within,
    }
}

fn connect_s3(
    address: &Address,
    variables: &Variables,
    settings: &BucketSettings,
    retry: RetryConfig,
) -> Result<Stores> {
    let allows = variables.text("AWS_ALLOW_HTTP")?.is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let of_variable = variables.first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])?;
    let endpoint = match (&address.endpoint, of_variable) {
        (Some(endpoint), _) => Some(endpoint.clone()),
        (None, Some(text)) => Some(address.read_endpoint(text, allows)?),
        (None, None) => None,
    };
    let region = match &address.region {
        Some(region) => Some(region.as_str()),
        None => variables.first(&["AWS_REGION", "AWS_DEFAULT_REGION"])?,
    };
    let transport = Transport::new(&settings.patience, address.allow_http || allows);
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&address.bucket)
        .with_http_connector(Connector(transport))
        .with_retry(retry)
        .with_disable_bulk_delete(true);
    if let Some(region) = region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if !address.asks_machine {
        for (key, value) in s3_credentials(address, variables)? {
            builder = builder.with_config(key, value);
        }
    }
    let conditions = HeaderMap::from_iter([(ureq::http::header::IF_NONE_MATCH, HeaderValue::from_static("*"))]);
    let completing = builder.clone().with_client_options(ClientOptions::new().with_default_headers(conditions));
    Ok(Stores { store: built(address, builder.build())?, completing: built(address, completing.build())? })
}

fn s3_credentials<'a>(address: &Address, variables: &Variables<'a>) -> Result<Vec<(S3Key, &'a str)>> {
    let id = variables.text("AWS_ACCESS_KEY_ID")?;
    let secret = variables.text("AWS_SECRET_ACCESS_KEY")?;
    if let (Some(id), Some(secret)) = (id, secret) {
        let mut all = vec![(S3Key::AccessKeyId, id), (S3Key::SecretAccessKey, secret)];
        all.extend(variables.text("AWS_SESSION_TOKEN")?.map(|token| (S3Key::Token, token)));
        return Ok(all);
    }
    let names = if id.is_some() { "AWS_SECRET_ACCESS_KEY" } else { "AWS_ACCESS_KEY_ID" };
    if id.is_some() || secret.is_some() {
        return Err(variables.missing(names));
    }
    let web = (variables.file("AWS_WEB_IDENTITY_TOKEN_FILE")?, variables.text("AWS_ROLE_ARN")?);
    if let (Some(file), Some(role)) = web {
        let mut all = vec![(S3Key::WebIdentityTokenFile, file), (S3Key::RoleArn, role)];
        all.extend(variables.text("AWS_ROLE_SESSION_NAME")?.map(|name| (S3Key::RoleSessionName, name)));
        return Ok(all);
    }
    if let Some(uri) = variables.text("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")? {
        return Ok(vec![(S3Key::ContainerCredentialsRelativeUri, uri)]);
    }
    let pod = (
        variables.text("AWS_CONTAINER_CREDENTIALS_FULL_URI")?,
        variables.file("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")?,
    );
    if let (Some(uri), Some(file)) = pod {
        return Ok(vec![(S3Key::ContainerCredentialsFullUri, uri), (S3Key::ContainerAuthorizationTokenFile, file)]);
    }
    if variables.text("AWS_PROFILE")?.is_some() {
        return Err(none(address).hint(
            "Profiles are not read: run `eval \"$(aws configure export-credentials --format env)\"` before jay, which sets \
             AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.",
        ));
    }
    Err(none(address))
}

fn connect_google(
    address: &Address,
    variables: &Variables,
    settings: &BucketSettings,
    retry: RetryConfig,
) -> Result<Stores> {
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(&address.bucket)
        .with_http_connector(Connector(Transport::new(&settings.patience, address.allow_http)))
        .with_retry(retry);
    if let Some(endpoint) = &address.endpoint {
        builder = builder.with_config(GoogleKey::BaseUrl, endpoint);
    }
    if !address.asks_machine {
        let (key, value) = if let Some(key) = variables.value("GOOGLE_SERVICE_ACCOUNT_KEY") {
            (GoogleKey::ServiceAccountKey, key)
        } else if let Some(file) = variables.file("GOOGLE_SERVICE_ACCOUNT")? {
            (GoogleKey::ServiceAccount, file)
        } else if let Some(file) = variables.file("GOOGLE_APPLICATION_CREDENTIALS")? {
            (GoogleKey::ApplicationCredentials, file)
        } else {
            return Err(none(address));
        };
        builder = builder.with_config(key, value);
    }
    let store: Arc<dyn Store> = built(address, builder.build())?;
    Ok(Stores { completing: Arc::clone(&store), store })
}

fn connect_azure(
    address: &Address,
    variables: &Variables,
    settings: &BucketSettings,
    retry: RetryConfig,
) -> Result<Stores> {
    let account = match &address.account {
        Some(account) => Some(account.as_str()),
        None => variables.first(&["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"])?,
    };
    let account = account.ok_or_else(|| {
        Error::bad_input(format!("the account of {} is not known", address.shown))
            .hint(format!("Add account=NAME to the address, or set AZURE_STORAGE_ACCOUNT. {}", Cloud::Azure.example()))
    })?;
    let mut builder = MicrosoftAzureBuilder::new()
        .with_container_name(&address.bucket)
        .with_account(account)
        .with_http_connector(Connector(Transport::new(&settings.patience, address.allow_http)))
        .with_retry(retry);
    if let Some(endpoint) = &address.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    let credentials = if address.asks_machine {
        variables.text("IDENTITY_ENDPOINT")?.map(|text| (AzureKey::MsiEndpoint, text)).into_iter().collect()
    } else {
        azure_credentials(address, variables)?
    };
    for (key, value) in credentials {
        builder = builder.with_config(key, value);
    }
    let store: Arc<dyn Store> = built(address, builder.build())?;
    Ok(Stores { completing: Arc::clone(&store), store })
}

fn azure_credentials<'a>(address: &Address, variables: &Variables<'a>) -> Result<Vec<(AzureKey, &'a str)>> {
    if let Some(key) = variables.first(&["AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY"])? {
        return Ok(vec![(AzureKey::AccessKey, key)]);
    }
    if let Some(token) = variables.text("AZURE_STORAGE_SAS_TOKEN")? {
        return Ok(vec![(AzureKey::SasKey, token)]);
    }
    if let Some(token) = variables.text("AZURE_STORAGE_TOKEN")? {
        return Ok(vec![(AzureKey::Token, token)]);
    }
    let who = (variables.text("AZURE_TENANT_ID")?, variables.text("AZURE_CLIENT_ID")?);
    let (Some(tenant), Some(client)) = who else { return Err(none(address)) };
    let mut all = vec![(AzureKey::AuthorityId, tenant), (AzureKey::ClientId, client)];
    all.extend(variables.text("AZURE_AUTHORITY_HOST")?.map(|host| (AzureKey::AuthorityHost, host)));
    if let Some(secret) = variables.text("AZURE_CLIENT_SECRET")? {
        all.push((AzureKey::ClientSecret, secret));
    } else if let Some(file) = variables.file("AZURE_FEDERATED_TOKEN_FILE")? {
        all.push((AzureKey::FederatedTokenFile, file));
    } else {
        return Err(variables.missing("AZURE_CLIENT_SECRET"));
    }
    Ok(all)
}

/// The library says what it could not build with, and that may be a credential.
fn built<T: Store>(address: &Address, store: object_store::Result<T>) -> Result<Arc<T>> {
    let store = store.map_err(|_| {
        Error::bad_input(format!("the credentials for {} are not of the form that they must have", address.shown))
            .hint(credentials_hint(address.cloud))
    })?;
    Ok(Arc::new(store))
}

fn none(address: &Address) -> Error {
    let hint = credentials_hint(address.cloud);
    Error::bad_input(format!("there are no credentials for {}", address.shown)).hint(format!(
        "{hint} On a machine of the cloud, credentials=machine in the address asks the machine for them."
    ))
}

/// Variables of the environment as they were handed in; an empty one is none.
struct Variables<'a> {
    cloud: Cloud,
    values: &'a BTreeMap<String, String>,
}

impl<'a> Variables<'a> {
    fn value(&self, name: &str) -> Option<&'a str> {
        debug_assert!(VARIABLES.contains(&name), "{name} is not listed");
        self.values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// One that goes into requests.
    fn text(&self, name: &str) -> Result<Option<&'a str>> {
        match self.value(name) {
            Some(value) if value.bytes().any(|byte| !byte.is_ascii_graphic()) => {
                Err(Error::bad_input(format!("what the environment variable {name} holds cannot be right"))
                    .hint("It has letters, digits and signs, without blanks or line breaks."))
            }
            value => Ok(value),
        }
    }

    fn first(&self, names: &[&str]) -> Result<Option<&'a str>> {
        for name in names {
            if let Some(value) = self.text(name)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// One that names a file.
    fn file(&self, name: &str) -> Result<Option<&'a str>> {
        match self.value(name) {
            Some(value) if !Path::new(value).is_file() => {
                Err(Error::bad_input(format!("there is no file where the environment variable {name} names one"))
                    .hint("Set it to the path of a file that jay may read."))
            }
            value => Ok(value),
        }
    }

    fn missing(&self, name: &str) -> Error {
        Error::bad_input(format!("the environment variable {name} is not set, which belongs to another that is"))
            .hint(credentials_hint(self.cloud))
    }
}
