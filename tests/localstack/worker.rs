//! Does the tasks of a state machine: takes them from what carries them, hands each to
//! data-preparation, and reports what it answers, or that it failed, as Lambda would.

use std::time::Duration;

use function_edge::LambdaEvent;
use serde_json::{Value, json};

use crate::deployed::{ACCOUNT, Deployed};
use crate::machine::{Carrier, through};

/// How a task fails on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Before anything is done.
    Before,
    /// Everything is done, and the answer is lost.
    After,
}

/// A state machine, and what was done of its tasks.
pub struct Worker<'a> {
    deployed: &'a Deployed,
    state: &'a data_preparation::State,
    carrier: Carrier,
    machine: String,
    /// The inputs of all tasks, in the order in which they came.
    pub tasks: Vec<Value>,
}

/// A task to do.
struct Task {
    token: Value,
    input: Value,
    fault: Option<Fault>,
}

impl<'a> Worker<'a> {
    /// Deploys the state machine under a name of its own, its tasks going through a queue.
    pub async fn through_queue(deployed: &'a Deployed, state: &'a data_preparation::State) -> Self {
        let (queue, _) = deployed.make_queue().await;
        Self::deploy(deployed, state, Carrier::Queue(queue)).await
    }

    /// Deploys the state machine under a name of its own, its tasks being an activity.
    pub async fn through_activity(deployed: &'a Deployed, state: &'a data_preparation::State) -> Self {
        let name = json!({"name": uuid::Uuid::new_v4()});
        let made = deployed.call("states", "CreateActivity", &name).await.unwrap();
        let activity = made["activityArn"].as_str().unwrap().to_owned();
        Self::deploy(deployed, state, Carrier::Activity(activity)).await
    }

    async fn deploy(deployed: &'a Deployed, state: &'a data_preparation::State, carrier: Carrier) -> Self {
        let made = json!({
            "name": format!("preparation-{}", uuid::Uuid::new_v4()), "definition": through(&carrier).to_string(),
            "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/preparation"),
        });
        let made = deployed.call("states", "CreateStateMachine", &made).await.unwrap();
        let machine = made["stateMachineArn"].as_str().unwrap().to_owned();
        Self { deployed, state, carrier, machine, tasks: Vec::new() }
    }

    /// Runs the state machine, and answers the description of the execution when it
    /// has ended. Once only: who still waits for a task of an activity then would take
    /// one of the next execution. `fault` says of a task, and the how manieth time it is
    /// tried, how it fails.
    pub async fn run(&mut self, input: &Value, fault: impl Fn(&Value, usize) -> Option<Fault>) -> Value {
        let start = json!({"stateMachineArn": self.machine, "input": input.to_string()});
        let started = self.deployed.call("states", "StartExecution", &start).await.unwrap();
        let execution = json!({"executionArn": started["executionArn"]});
        let (deployed, carrier) = (self.deployed, self.carrier.clone());
        let mut received = Box::pin(receive(deployed, &carrier));
        loop {
            // Kept while the execution is looked at: who asks for a task and goes away loses it.
            let tasks = tokio::select! {
                tasks = &mut received => tasks,
                () = tokio::time::sleep(Duration::from_millis(300)) => {
                    let described = deployed.call("states", "DescribeExecution", &execution).await.unwrap();
                    if described["status"] != "RUNNING" {
                        return described;
                    }
                    continue;
                }
            };
            received = Box::pin(receive(deployed, &carrier));
            let mut work = Vec::new();
            for (token, input) in tasks {
                self.tasks.push(input.clone());
                let tried = self.tasks.iter().filter(|earlier| **earlier == input).count();
                let fault = fault(&input, tried);
                work.push(Task { token, input, fault });
            }
            let work = work.iter().map(async |task| self.report(&task.token, self.work(task).await).await);
            futures::future::join_all(work).await;
        }
    }

    async fn work(&self, Task { input, fault, .. }: &Task) -> Result<Value, String> {
        if *fault == Some(Fault::Before) {
            return Err("failed on purpose, before anything was done".to_owned());
        }
        let payload = serde_json::value::to_raw_value(input).unwrap();
        let answer = data_preparation::handle(self.state, LambdaEvent::new(payload, Default::default())).await;
        match (answer, fault) {
            (Ok(_), Some(Fault::After)) => Err("failed on purpose, after everything was done".to_owned()),
            (Ok(answer), _) => Ok(serde_json::to_value(answer).unwrap()),
            (Err(error), _) => Err(error.to_string()),
        }
    }

    async fn report(&self, token: &Value, outcome: Result<Value, String>) {
        let (operation, report) = match outcome {
            Ok(output) => ("SendTaskSuccess", json!({"taskToken": token, "output": output.to_string()})),
            Err(message) => {
                let cause = json!({"errorMessage": message, "errorType": "Error"}).to_string();
                ("SendTaskFailure", json!({"taskToken": token, "error": "Error", "cause": cause}))
            }
        };
        // LocalStack 4.14 fails while any other execution is about to start.
        for _ in 0..50 {
            match self.deployed.call("states", operation, &report).await {
                Ok(_) => return,
                Err(error) if error["__type"] == "InternalError" => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) => panic!("{operation}: {error}"),
            }
        }
        panic!("{operation} fails for ever");
    }
}

/// The next tasks, by token and input.
async fn receive(deployed: &Deployed, carrier: &Carrier) -> Vec<(Value, Value)> {
    match carrier {
        Carrier::Queue(queue) => {
            let mut tasks = Vec::new();
            for message in deployed.receive(queue, 900).await {
                deployed.delete(queue, &message).await;
                let mut task: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
                tasks.push((task["token"].take(), task["input"].take()));
            }
            tasks
        }
        Carrier::Activity(activity) => {
            let wanted = json!({"activityArn": activity});
            let mut task = deployed.call("states", "GetActivityTask", &wanted).await.unwrap();
            let input = task["input"].as_str().map(|input| serde_json::from_str(input).unwrap());
            input.map(|input| (task["taskToken"].take(), input)).into_iter().collect()
        }
    }
}
