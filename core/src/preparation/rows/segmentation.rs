//! The segmentation dataset: one row a user with a sufficient history, as of the
//! version's cut.

use std::collections::BTreeMap;

use arrow_schema::DataType;
use serde_json::{Map, Value, json};

use super::{DatasetRows, Out, Reads, nullable, required, singles, time};
use crate::dataset::history::{History, Sufficiency};
use crate::features::{FEATURES, Ledger, Window, financial};
use crate::preparation::PreparationError;
use crate::preparation::table::Table;
use crate::preparation::user::User;

const DATA: usize = 0;

#[derive(Debug)]
pub struct SegmentationRows {
    sufficiency: Sufficiency,
    users: u64,
    insufficient: u64,
    transactions: u64,
    feedback: u64,
    segments: BTreeMap<String, u64>,
}

/// What a user said of recommendations.
#[derive(Debug, Default)]
struct Feedback {
    all: u32,
    helpful: u32,
    implemented: u32,
}

impl Feedback {
    fn of(user: &User) -> Self {
        let mut feedback = Feedback::default();
        for report in user.reports.iter().filter(|report| report.plausible_time) {
            if &*report.event_type != "recommendation_interaction" {
                continue;
            }
            match report.fields().text("interaction_type") {
                Some("helpful") => feedback.helpful += 1,
                Some("implemented") => feedback.implemented += 1,
                Some("not_helpful") => {}
                _ => continue,
            }
            feedback.all += 1;
        }
        feedback
    }

    fn share(&self, part: u32) -> f32 {
        if self.all == 0 { 0.0 } else { part as f32 / self.all as f32 }
    }
}

impl SegmentationRows {
    pub fn new(sufficiency: Sufficiency) -> Self {
        Self { sufficiency, users: 0, insufficient: 0, transactions: 0, feedback: 0, segments: BTreeMap::new() }
    }
}

impl DatasetRows for SegmentationRows {
    fn reads(&self) -> Reads {
        &[("recommendation_interaction", &["interaction_type"]), ("user_segment_update", &["segment_name"])]
    }

    fn tables(&self) -> Vec<Table> {
        let mut fields = vec![required("subject", DataType::Utf8), required("as_of", time())];
        fields.extend(FEATURES.map(|feature| required(feature, DataType::Float32)));
        fields.extend([
            // Judgements of recommendations: helpful, not_helpful, implemented.
            required("feedback_count", DataType::UInt32),
            required("helpful_share", DataType::Float32),
            required("implemented_share", DataType::Float32),
            nullable("segment_name", DataType::Utf8),
        ]);
        vec![Table { name: "data", fields, sorted_by: ["subject", "as_of"] }]
    }

    fn target(&self) -> &'static str {
        "segment_name"
    }

    fn add_user(&mut self, user: &User, ledger: &Ledger, out: &mut Out<'_>) -> Result<(), PreparationError> {
        let Some(cut) = out.cut() else { return Ok(()) };
        let believed = ledger.remaining().filter(|transaction| transaction.plausible_time);
        let history = History::of(believed.clone().map(|transaction| transaction.occurred_at));
        if !history.is_some_and(|history| history.suffices(&self.sufficiency)) {
            self.insufficient += u64::from(history.is_some());
            return Ok(());
        }
        let mut window = Window::new(ledger);
        window.advance(cut);
        out.certify_features(cut, window.latest())?;
        let feedback = Feedback::of(user);
        let segments = user.reports.iter().rev().filter(|report| report.plausible_time);
        let segment = segments.filter(|report| &*report.event_type == "user_segment_update");
        let segment =
            segment.map(|report| report.fields()).find_map(|fields| fields.text("segment_name").map(str::to_owned));

        self.users += 1;
        self.transactions += believed.count() as u64;
        self.feedback += u64::from(feedback.all);
        if let Some(segment) = &segment {
            *self.segments.entry(segment.clone()).or_default() += 1;
        }
        out.row(DATA)?
            .put(user.subject.to_string().as_str())
            .put(cut)
            .put_all(singles(&financial(&window)))
            .put(feedback.all)
            .put(feedback.share(feedback.helpful))
            .put(feedback.share(feedback.implemented))
            .put(segment.as_deref());
        Ok(())
    }

    fn statistics(&self) -> Map<String, Value> {
        let statistics = json!({
            "user_count": self.users,
            "transaction_count": self.transactions,
            "insufficient_user_count": self.insufficient,
            "feedback_count": self.feedback,
            // Users whose segment is known, by their newest one.
            "segment_distribution": self.segments,
        });
        statistics.as_object().cloned().unwrap_or_default()
    }
}
