//! The state machine as it is deployed, but for two things: its tasks are carried to a
//! worker in this process, and it does not wait as long before it repeats one.

use serde_json::{Value, json};

const DEFINITION: &str = include_str!("../../infra/preparation.asl.json");
const FUNCTION: &str = "${DataPreparation}";
const THROUGH_QUEUE: &str = "arn:aws:states:::sqs:sendMessage.waitForTaskToken";

/// What carries a task to the worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// A queue, by its URL: a message holds the input and the token of the task.
    Queue(String),
    /// An activity, by its ARN. LocalStack 4.14 gives a task that it repeats through a
    /// queue the token of the attempt before, which has failed: tests in which tasks
    /// fail take this one.
    Activity(String),
}

/// The definition, with each call of the function replaced by a task of the same input.
pub fn through(carrier: &Carrier) -> Value {
    let mut machine: Value = serde_json::from_str(DEFINITION).unwrap();
    rewrite(&mut machine["States"], carrier);
    machine
}

fn rewrite(states: &mut Value, carrier: &Carrier) {
    for state in states.as_object_mut().unwrap().values_mut() {
        if state["Resource"] == FUNCTION {
            match carrier {
                Carrier::Activity(activity) => state["Resource"] = json!(activity),
                Carrier::Queue(queue) => {
                    let mut message = json!({"token.$": "$$.Task.Token"});
                    match state.get("Parameters") {
                        Some(input) => message["input"] = input.clone(),
                        None => message["input.$"] = json!("$"),
                    }
                    state["Resource"] = json!(THROUGH_QUEUE);
                    state["Parameters"] = json!({"QueueUrl": queue, "MessageBody": message});
                }
            }
        }
        for retry in state.get_mut("Retry").and_then(Value::as_array_mut).into_iter().flatten() {
            (retry["IntervalSeconds"], retry["BackoffRate"]) = (json!(1), json!(1));
        }
        // LocalStack 4.14 reads this number only where it has a decimal point.
        if let Some(tolerated) = state.get_mut("ToleratedFailurePercentage") {
            *tolerated = json!(tolerated.as_f64().unwrap());
        }
        if let Some(processor) = state.get_mut("ItemProcessor") {
            rewrite(&mut processor["States"], carrier);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Undoes the replacement of tasks, and forgets pauses and how numbers are written.
    fn restored(mut machine: Value, resource: &str) -> Value {
        fn restore(states: &mut Value, resource: &str) {
            for state in states.as_object_mut().unwrap().values_mut() {
                if state["Resource"] == resource {
                    state["Resource"] = json!(FUNCTION);
                    let message = state.get("Parameters").and_then(|parameters| parameters.get("MessageBody")).cloned();
                    if let Some(message) = message {
                        let state = state.as_object_mut().unwrap();
                        state.remove("Parameters");
                        if let Some(input) = message.get("input") {
                            state.insert("Parameters".to_owned(), input.clone());
                        }
                    }
                }
                for retry in state.get_mut("Retry").and_then(Value::as_array_mut).into_iter().flatten() {
                    (retry["IntervalSeconds"], retry["BackoffRate"]) = (json!(1), json!(1));
                }
                if let Some(tolerated) = state.get_mut("ToleratedFailurePercentage") {
                    *tolerated = json!(tolerated.as_f64().unwrap());
                }
                if let Some(processor) = state.get_mut("ItemProcessor") {
                    restore(&mut processor["States"], resource);
                }
            }
        }
        restore(&mut machine["States"], resource);
        machine
    }

    #[test]
    fn nothing_but_who_does_the_tasks_and_the_pauses_is_changed() {
        let original: Value = serde_json::from_str(DEFINITION).unwrap();
        let activity = "arn:aws:states:::activity:a";
        for (carrier, resource) in [
            (Carrier::Queue("http://queue".to_owned()), THROUGH_QUEUE),
            (Carrier::Activity(activity.to_owned()), activity),
        ] {
            let rewritten = through(&carrier);
            assert_eq!(restored(rewritten.clone(), resource), restored(original.clone(), resource));
            let text = rewritten.to_string();
            assert!(!text.contains(FUNCTION), "every task is carried");
            assert_eq!(text.matches(resource).count(), DEFINITION.matches(FUNCTION).count());
        }
    }
}
