//! What AWS provides, embedded: a DynamoDB- and an S3-compatible server on a
//! data folder, and the event bus, each on its own port. The
//! program reaches them through the AWS SDK, as it reaches AWS.
//!
//! The tables and the objects survive the process, however it ends. The bus
//! is in memory: a fact that was under way when the process died is lost, as
//! a trigger may be on AWS, and the scheduled sweep picks up what it left.
//!
//! The tables may lie in another engine instead: see [`elsewhere`].

mod bus;
mod credentials;
mod dynamodb;
pub mod elsewhere;
mod folder;
mod s3;
pub(crate) mod server;
mod signature;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::PathBuf;

use anyhow::Result;
use tokio::sync::mpsc;

pub use bus::{Delivery, Rules};
pub use credentials::{Credentials, FILE as CREDENTIALS_FILE};

use crate::guard::Guard;

/// The region and the account of everything local.
pub const REGION: &str = "us-east-1";
pub const ACCOUNT: &str = "000000000000";

/// Where the engines keep their data and listen. Port 0 is any free port; the
/// bus takes the one after DynamoDB's.
#[derive(Debug, Clone)]
pub struct Options {
    pub data_dir: PathBuf,
    pub s3_port: u16,
    pub dynamodb_port: u16,
}

/// The running engines; the endpoints are URLs without a path.
///
/// End them with [`Engines::stop`]. Dropped instead, they stop too, but
/// nobody waits for it; killed, they lose nothing that was acknowledged.
pub struct Engines {
    pub dynamodb: String,
    pub s3: String,
    pub bus: String,
    /// What S3 and the bus verify signatures with, and the embedded DynamoDB.
    pub credentials: Credentials,
    dynamodb_credentials: Credentials,
    /// None where DynamoDB is [`elsewhere`].
    dynamodb_engine: Option<dynamodb::Engine>,
    s3_server: server::Server,
    bus_server: server::Server,
    // The last field: the folder is given up after everything that uses it.
    _folder: folder::Folder,
}

/// Where engines listen, as URLs without a path, and what requests to them are signed with.
#[derive(Clone, Debug)]
pub struct Endpoints {
    pub dynamodb: String,
    /// Those of the data folder, unless DynamoDB is [`elsewhere`].
    pub dynamodb_credentials: Credentials,
    pub s3: String,
    pub bus: String,
    pub credentials: Credentials,
}

/// Which engine has the tables.
enum Tables {
    Embedded(TcpListener),
    Elsewhere(String),
}

/// As [`start_on`], for this machine only.
///
/// # Errors
/// See [`start_on`].
pub async fn start(options: Options, rules: Rules, deliveries: mpsc::UnboundedSender<Delivery>) -> Result<Engines> {
    start_on(Ipv4Addr::LOCALHOST.into(), &Guard::default(), options, rules, deliveries).await
}

/// Starts the engines behind `guard` on `options.data_dir`, which is made where absent, and
/// sends `deliveries` whatever the `rules` let through the bus.
///
/// # Errors
/// One line each, which says what to do: the folder cannot be used or another
/// process uses it, a port is taken, a file in the folder is not what it
/// should be, the URL of a DynamoDB elsewhere is none. The ports are taken before
/// any file is touched.
pub async fn start_on(
    address: IpAddr,
    guard: &Guard,
    options: Options,
    rules: Rules,
    deliveries: mpsc::UnboundedSender<Delivery>,
) -> Result<Engines> {
    let elsewhere = elsewhere::url()?;
    let folder = folder::Folder::open(&options.data_dir)?;
    let tables = match elsewhere {
        Some(url) => Tables::Elsewhere(url),
        None => Tables::Embedded(server::bind("DynamoDB", address, options.dynamodb_port)?),
    };
    let s3_listener = server::bind("S3", address, options.s3_port)?;
    let bus_port = if options.dynamodb_port == 0 { 0 } else { options.dynamodb_port.saturating_add(1) };
    let bus_listener = server::bind("event bus", address, bus_port)?;
    let (s3, bus) = (server::url(&s3_listener)?, server::url(&bus_listener)?);

    let credentials = Credentials::of(&options.data_dir)?;
    let (dynamodb, dynamodb_credentials, dynamodb_engine) = match tables {
        Tables::Elsewhere(url) => (url, elsewhere::credentials(&options.data_dir)?, None),
        Tables::Embedded(listener) => {
            let url = server::url(&listener)?;
            let file = folder.path("dynamodb.sqlite");
            let engine = dynamodb::start(file, listener, guard.clone(), credentials.clone()).await?;
            (url, credentials.clone(), Some(engine))
        }
    };
    let s3_server = server::serve(s3_listener, s3::router(&folder.path("s3"), &credentials)?, guard)?;
    let bus_server = server::serve(bus_listener, bus::router(rules, deliveries, credentials.clone()), guard)?;
    Ok(Engines {
        dynamodb,
        s3,
        bus,
        credentials,
        dynamodb_credentials,
        dynamodb_engine,
        s3_server,
        bus_server,
        _folder: folder,
    })
}

impl Engines {
    /// Stops the servers, lets requests under way finish (for some seconds at
    /// most) and closes the database. The data folder is free on return.
    pub async fn stop(self) {
        let dynamodb = async {
            if let Some(engine) = self.dynamodb_engine {
                engine.stop().await;
            }
        };
        tokio::join!(self.bus_server.stop(), self.s3_server.stop(), dynamodb);
    }

    pub fn endpoints(&self) -> Endpoints {
        Endpoints {
            dynamodb: self.dynamodb.clone(),
            dynamodb_credentials: self.dynamodb_credentials.clone(),
            s3: self.s3.clone(),
            bus: self.bus.clone(),
            credentials: self.credentials.clone(),
        }
    }
}
