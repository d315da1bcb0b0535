//! What each route does, takes and answers.

use function_edge::Route;
use learning_core::store::{ASSESSMENT_PREFIX, CHANGE_PREFIX, QUARANTINE};
use learning_core::usecase::Dependencies;
use serde_json::json;

use super::bodies::{
    AnyAssessment, Assessed, DatasetInBody, EventResults, FailingRecords, Features, PrepareData, PreparedAnswer,
    PromisedAssessment, QualityHistory, Replayed, Trained, TrainedReport, VersionDetails, VersionDiff, Versions,
};
use super::events;
use super::operation::{Operation, schema_of};
use crate::aggregation::Aggregation;
use crate::view;

const MALFORMED: (u16, &str) = (400, "The request cannot be read.");
const UNKNOWN_DATASET: (u16, &str) = (404, "There is no such dataset.");
const TOO_LARGE: (u16, &str) = (413, "The body is larger than is taken.");
const UNSUPPORTED: (u16, &str) = (415, "The body is of a content type that is not taken.");
const INCOMPLETE: (u16, &str) = (422, "The body lacks something, or holds what cannot be.");
const BUSY: (u16, &str) = (503, "Too many at once: come back after Retry-After.");
const UNKNOWN_ASSESSMENT: (u16, &str) = (404, "There is no such assessment.");
const UNKNOWN_VERSION: (u16, &str) = (404, "There is no such dataset or version.");
const DATASET_ID: &str = "The id of a dataset; GET …/datasets lists them.";

pub fn of(route: Route) -> Operation {
    match route {
        Route::PostEvents => Operation::new("postEvents", "events", "Takes events in: one, or a batch.")
            .body(events::posted)
            .body_as("application/x-ndjson", |_| json!({"type": "string", "description": "One event a line."}))
            .answers::<EventResults>(202, "What became of each event, in their order.")
            .problems([MALFORMED, TOO_LARGE, UNSUPPORTED, (422, "The single event is refused."), BUSY]),
        Route::EraseUser => Operation::new("eraseUser", "events", "Erases everything that is kept of a user.")
            .uuid("user_id", "The user.")
            .answers_with(
                202,
                "It is under way; Location is its receipt.",
                "application/json",
                |_| json!({"type": "object"}),
            )
            .problems([MALFORMED, (404, "Erasure is not served by this deployment.")]),
        Route::Erasure => Operation::new("getErasure", "events", "The receipt of an erasure.")
            .uuid("user_id", "The user.")
            .uuid("erasure_id", "The erasure.")
            .answers_with(200, "How far it is.", "application/json", |_| json!({"type": "object"}))
            .problems([MALFORMED, (404, "There is no such erasure.")]),
        Route::ReplayQuarantine => {
            Operation::new("replayQuarantine", "events", "Sends a stretch of what was turned away again.")
                .limit_of(200, 1_000)
                // What keys of objects are made of: `-`, `.`, `/`, digits and small letters.
                .cursor(QUARANTINE, "2[d-f]|3[0-9]|6[1-9a-f]|7[0-9a]")
                .answers::<Replayed>(200, "What is accepted now has left the quarantine, and the rest stays.")
                .problems([MALFORMED, BUSY])
        }
        Route::Status => Operation::new("getStatus", "datasets", "The overview.")
            .answers::<view::Status>(200, "How the service and its datasets are."),
        Route::Datasets => Operation::new("listDatasets", "datasets", "All datasets.")
            .answers::<view::Datasets>(200, "The datasets with their readiness."),
        Route::Dataset => Operation::new("getDataset", "datasets", "One dataset.")
            .uuid("dataset_id", DATASET_ID)
            .answers::<view::DatasetView>(200, "The dataset with its readiness.")
            .problems([MALFORMED, UNKNOWN_DATASET]),
        Route::ReadyDatasets => Operation::new("listReadyDatasets", "datasets", "The datasets that pass all gates.")
            .answers::<view::ReadyDatasets>(200, "Those that are ready, and why."),
        Route::DataAggregation => Operation::new("getDataAggregation", "datasets", "What has been collected.")
            .answers::<Aggregation>(200, "Totals, by dataset and by day."),
        Route::Timeline => Operation::new("getTimeline", "datasets", "The changes of a dataset's state, newest first.")
            .uuid("dataset_id", DATASET_ID)
            .paged(CHANGE_PREFIX)
            .answers::<view::Timeline>(200, "Each change with its time and cause.")
            .problems([MALFORMED, UNKNOWN_DATASET]),
        Route::Initialize => Operation::new("initialize", "datasets", "Creates the datasets that are missing.")
            .answers::<view::Datasets>(200, "None was missing.")
            .answers::<view::Datasets>(201, "Some were missing."),
        Route::AssessQuality => Operation::new("assessQuality", "quality", "Assesses a dataset now.")
            .body(schema_of::<DatasetInBody>)
            .answers::<Assessed>(200, "The assessment; of unchanged data, the one that is kept.")
            .answers::<PromisedAssessment>(202, "Of many records: promised; Location is where it will be.")
            .problems([
                MALFORMED,
                UNKNOWN_DATASET,
                (409, "There is nothing to assess."),
                TOO_LARGE,
                UNSUPPORTED,
                INCOMPLETE,
                BUSY,
            ]),
        Route::QualityMetrics => {
            Operation::new("getQualityMetrics", "quality", "The history of a dataset's quality, newest first.")
                .uuid("dataset_id", DATASET_ID)
                .paged(ASSESSMENT_PREFIX)
                .answers::<QualityHistory>(200, "One entry an assessment.")
                .problems([MALFORMED, UNKNOWN_DATASET])
        }
        Route::Assessment => Operation::new("getAssessment", "quality", "One assessment: done, promised, or failed.")
            .uuid("assessment_id", "The id of an assessment.")
            .answers::<AnyAssessment>(200, "As far as it is; `state` tells.")
            .problems([MALFORMED, UNKNOWN_ASSESSMENT]),
        Route::FailingRecords => Operation::new(
            "listFailingRecords",
            "quality",
            "The records that fail a rule, as they are now.",
        )
        .uuid("assessment_id", "The id of an assessment.")
        .parameter(
            "query",
            "rule",
            true,
            json!({"type": "string"}),
            "The `key` of a part of the explanation, or `duplicate`.",
        )
        .parameter(
            "query",
            "limit",
            false,
            json!({"type": "integer", "minimum": 1, "maximum": 1_000, "default": 50}),
            "Records of a page. All records are read for each page; one of more than 4 MB ends earlier.",
        )
        .parameter(
            "query",
            "cursor",
            false,
            json!({"type": "string", "format": "uuid"}),
            "The `next` of an earlier answer.",
        )
        .answers::<FailingRecords>(200, "A page of them; as NDJSON, the header Link names the next one.")
        .answers_with(
            200,
            "",
            "application/x-ndjson",
            |_| json!({"type": "string", "description": "One record a line, in the form of those under `records`."}),
        )
        .problems([MALFORMED, (404, "There is no such assessment, or no such rule in it.")]),
        Route::PrepareData => {
            Operation::new("prepareData", "versions", "Closes the epoch of a dataset and prepares a version.")
                .body(schema_of::<PrepareData>)
                .answers::<PreparedAnswer>(200, "The version; where nothing is new, the last one.")
                .problems([
                    MALFORMED,
                    UNKNOWN_DATASET,
                    (409, "The dataset is not ready, is being prepared, or there is nothing to prepare."),
                    TOO_LARGE,
                    UNSUPPORTED,
                    INCOMPLETE,
                    (501, "This dataset cannot be prepared yet."),
                    BUSY,
                ])
        }
        Route::Versions => Operation::new("listVersions", "versions", "The versions of a dataset, newest first.")
            .uuid("dataset_id", DATASET_ID)
            .limit()
            .parameter(
                "query",
                "cursor",
                false,
                json!({"type": "string", "pattern": "^[0-9]{1,9}$"}),
                "The `next` of an earlier answer.",
            )
            .answers::<Versions>(200, "Each with what trainers reported of it.")
            .problems([MALFORMED, UNKNOWN_DATASET]),
        Route::Version => {
            Operation::new("getVersion", "versions", "One version: its manifest, and links to its files.")
                .uuid("dataset_id", DATASET_ID)
                .version("version")
                .answers::<VersionDetails>(200, "The version; the links expire.")
                .problems([MALFORMED, UNKNOWN_VERSION])
        }
        Route::VersionDiff => Operation::new("diffVersions", "versions", "What changed from one version to another.")
            .uuid("dataset_id", DATASET_ID)
            .version("version")
            .version("other")
            .answers::<VersionDiff>(200, "Rows, drift and target.")
            .problems([MALFORMED, UNKNOWN_VERSION, (409, "The versions are too large to compare here.")]),
        Route::Trained => Operation::new("reportTrained", "versions", "A trainer's report on a version.")
            .uuid("dataset_id", DATASET_ID)
            .version("version")
            .body(schema_of::<TrainedReport>)
            .answers::<Trained>(200, "It was reported before; the first report stands.")
            .answers::<Trained>(201, "It is recorded.")
            .problems([MALFORMED, UNKNOWN_VERSION, TOO_LARGE, UNSUPPORTED, INCOMPLETE]),
        Route::Features => {
            Operation::new("getFeatures", "versions", "The features of a user, by the code that prepares them.")
                .uuid("user_id", "The user.")
                .parameter(
                    "query",
                    "as_of",
                    false,
                    json!({"type": "string", "format": "date-time"}),
                    "As of when; now, if it is left out.",
                )
                .parameter(
                    "query",
                    "known_at",
                    false,
                    json!({"type": "string", "format": "date-time"}),
                    "Only what had come in by then.",
                )
                .answers::<Features>(200, "The features by name, and in their order.")
                .problems([MALFORMED, (404, "No transaction of the user is stored.")])
        }
        Route::Health => Operation::new("getHealth", "service", "Whether the service is alive; it asks nobody else.")
            .answers::<view::Alive>(200, "It is."),
        Route::Dependencies => Operation::new("getDependencies", "service", "Each dependency apart.")
            .answers::<Dependencies>(200, "Events are taken in; `degraded` where something behind does not work.")
            .answers::<Dependencies>(503, "Events cannot be taken in."),
        Route::Dashboard => Operation::new("getDashboard", "service", "The page for people, without data.")
            .answers_with(200, "The page.", "text/html; charset=utf-8", |_| json!({"type": "string"})),
        Route::OpenApi => Operation::new("getOpenApi", "service", "This description.").answers_with(
            200,
            "OpenAPI 3.1.",
            "application/json",
            |_| json!({"type": "object"}),
        ),
    }
}
