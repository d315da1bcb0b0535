//! How the services are reached.

use std::sync::OnceLock;
use std::time::Duration;

use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// One pool of connections for all clients, with TLS by rustls on ring, which builds
/// with nothing but a C compiler.
///
/// The SDK's own would read the root certificates anew for every client and every
/// set of timeouts, and a function's start waits for each.
pub fn http_client() -> SharedHttpClient {
    let connector = OnceLock::<SharedHttpConnector>::new();
    http_client_fn(move |_, components| {
        let make = || {
            let mut builder = Connector::builder()
                .tls_provider(Provider::Rustls(CryptoMode::Ring))
                .connector_settings(HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build());
            builder.set_sleep_impl(components.sleep_impl());
            SharedHttpConnector::new(builder.build())
        };
        connector.get_or_init(make).clone()
    })
}

/// Without TLS, for engines on this machine: it wants no root certificates, which a
/// container that holds nothing but the program has not.
pub fn local_http_client() -> SharedHttpClient {
    Builder::new().build_http()
}
