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
mod dynamodb;
pub mod elsewhere;
mod folder;
mod s3;
pub(crate) mod server;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::PathBuf;

use anyhow::Result;
use tokio::sync::mpsc;

pub use bus::{Delivery, Rules};

use crate::environment::secret;

/// The credentials that the S3 engine knows; presigned links are checked
/// against them. The others want a signature but do not verify it.
pub const ACCESS_KEY: &str = "test";
pub const SECRET_KEY: &str = "test";
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
    dynamodb_key: String,
    /// None where DynamoDB is [`elsewhere`].
    dynamodb_engine: Option<dynamodb::Engine>,
    s3_server: server::Server,
    bus_server: server::Server,
    // The last field: the folder is given up after everything that uses it.
    _folder: folder::Folder,
}

/// Where engines listen, as URLs without a path, and who asks DynamoDB.
#[derive(Clone, Debug)]
pub struct Endpoints {
    pub dynamodb: String,
    /// The access key. The embedded engine takes any; another may keep the tables
    /// of each apart.
    pub dynamodb_key: String,
    pub s3: String,
    pub bus: String,
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
    start_on(Ipv4Addr::LOCALHOST.into(), options, rules, deliveries).await
}

/// Starts the engines on `options.data_dir`, which is made where absent, and
/// sends `deliveries` whatever the `rules` let through the bus.
///
/// # Errors
/// One line each, which says what to do: the folder cannot be used or another
/// process uses it, a port is taken, a file in the folder is not what it
/// should be, the URL of a DynamoDB elsewhere is none. The ports are taken before
/// any file is touched.
pub async fn start_on(
    address: IpAddr,
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

    let (dynamodb, dynamodb_key, dynamodb_engine) = match tables {
        Tables::Elsewhere(url) => (url, secret(&folder.path(elsewhere::KEY_FILE))?, None),
        Tables::Embedded(listener) => {
            let url = server::url(&listener)?;
            let engine = dynamodb::start(folder.path("dynamodb.sqlite"), listener).await?;
            (url, ACCESS_KEY.to_owned(), Some(engine))
        }
    };
    let s3_server = server::serve(s3_listener, s3::router(&folder.path("s3"))?)?;
    let bus_server = server::serve(bus_listener, bus::router(rules, deliveries))?;
    Ok(Engines { dynamodb, s3, bus, dynamodb_key, dynamodb_engine, s3_server, bus_server, _folder: folder })
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
            dynamodb_key: self.dynamodb_key.clone(),
            s3: self.s3.clone(),
            bus: self.bus.clone(),
        }
    }
}
