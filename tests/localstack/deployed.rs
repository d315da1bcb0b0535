//! The deployment that `infra/localstack/deploy` has made, and calls to LocalStack.

use chrono::Utc;
use fincoach_local::engine::{Credentials, Endpoints};
use fincoach_local::environment;
use learning_core::dataset::settings::Settings;
use learning_core::store::{Clients, Counters, Heads};
use learning_core::usecase::initialize;
use serde_json::{Value, json};
use uuid::Uuid;

pub const REGION: &str = "us-east-1";
pub const ACCOUNT: &str = "000000000000";

pub struct Deployed {
    pub clients: Clients,
    pub settings: Settings,
    localstack: String,
    client: reqwest::Client,
}

impl Deployed {
    pub async fn find() -> Self {
        let var =
            |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run tests/localstack/run"));
        let localstack = var("AWS_ENDPOINT_URL");
        let folder = tempfile::tempdir().unwrap();
        let settings = environment::settings(folder.path()).unwrap();
        let credentials = Credentials { access_key: "test".to_owned(), secret_key: "test".to_owned() };
        let at = Endpoints {
            dynamodb: var("AWS_ENDPOINT_URL_DYNAMODB"),
            dynamodb_credentials: credentials.clone(),
            s3: localstack.clone(),
            bus: localstack.clone(),
            credentials,
        };
        let clients = environment::clients_at(&at, &settings);
        initialize(&Counters::new(&clients), &Heads::new(&clients), Utc::now()).await.unwrap();
        Self { clients, settings, localstack, client: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    /// A call of a service that speaks JSON and has no SDK here.
    ///
    /// # Errors
    /// What the service answers instead.
    pub async fn call(&self, service: &str, operation: &str, body: &Value) -> Result<Value, Value> {
        let prefix = match service {
            "sqs" => "AmazonSQS",
            "states" => "AWSStepFunctions",
            "events" => "AWSEvents",
            other => panic!("{other} is not called here"),
        };
        let scope = format!("Credential=test/20260101/{REGION}/{service}/aws4_request");
        let answer = self
            .client
            .post(&self.localstack)
            .header("x-amz-target", format!("{prefix}.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-date", "20260101T000000Z")
            .header("authorization", format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"))
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        let is_success = answer.status().is_success();
        let answer = answer.bytes().await.unwrap();
        let answer = if answer.is_empty() { json!({}) } else { serde_json::from_slice(&answer).unwrap() };
        if is_success { Ok(answer) } else { Err(answer) }
    }

    /// A queue of a test's own, by URL and ARN.
    pub async fn make_queue(&self) -> (String, String) {
        let name = Uuid::new_v4().to_string();
        let made = self.call("sqs", "CreateQueue", &json!({"QueueName": name})).await.unwrap();
        (made["QueueUrl"].as_str().unwrap().to_owned(), format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"))
    }

    pub async fn queue(&self, name: &str) -> String {
        let found = self.call("sqs", "GetQueueUrl", &json!({"QueueName": name})).await.unwrap();
        found["QueueUrl"].as_str().unwrap().to_owned()
    }

    /// Up to ten messages, hidden from others for `hidden` seconds.
    pub async fn receive(&self, queue: &str, hidden: u32) -> Vec<Value> {
        let wanted = json!({
            "QueueUrl": queue, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1, "VisibilityTimeout": hidden,
            "MessageSystemAttributeNames": ["All"],
        });
        let mut received = self.call("sqs", "ReceiveMessage", &wanted).await.unwrap();
        serde_json::from_value(received["Messages"].take()).unwrap_or_default()
    }

    pub async fn delete(&self, queue: &str, message: &Value) {
        let handle = json!({"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"]});
        self.call("sqs", "DeleteMessage", &handle).await.unwrap();
    }
}
