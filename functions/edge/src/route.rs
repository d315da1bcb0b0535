//! The routes of the API, and which function answers each.

use std::collections::HashMap;

use crate::{Audience, Problem, Scope};

/// The functions that are deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    EventIngestion,
    QualityAssessment,
    ReadinessCheck,
    DataPreparation,
}

impl Function {
    pub const ALL: [Function; 4] =
        [Function::EventIngestion, Function::QualityAssessment, Function::ReadinessCheck, Function::DataPreparation];

    pub fn name(self) -> &'static str {
        match self {
            Function::EventIngestion => "event-ingestion",
            Function::QualityAssessment => "quality-assessment",
            Function::ReadinessCheck => "readiness-check",
            Function::DataPreparation => "data-preparation",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name() == name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    PostEvents,
    EraseUser,
    Erasure,
    ReplayQuarantine,
    Status,
    Datasets,
    Dataset,
    ReadyDatasets,
    DataAggregation,
    Timeline,
    Initialize,
    AssessQuality,
    QualityMetrics,
    Assessment,
    FailingRecords,
    PrepareData,
    Versions,
    Version,
    VersionDiff,
    Trained,
    Features,
    Health,
    Dependencies,
    Dashboard,
    OpenApi,
}

impl Route {
    pub const ALL: [Route; 25] = [
        Route::PostEvents,
        Route::EraseUser,
        Route::Erasure,
        Route::ReplayQuarantine,
        Route::Status,
        Route::Datasets,
        Route::Dataset,
        Route::ReadyDatasets,
        Route::DataAggregation,
        Route::Timeline,
        Route::Initialize,
        Route::AssessQuality,
        Route::QualityMetrics,
        Route::Assessment,
        Route::FailingRecords,
        Route::PrepareData,
        Route::Versions,
        Route::Version,
        Route::VersionDiff,
        Route::Trained,
        Route::Features,
        Route::Health,
        Route::Dependencies,
        Route::Dashboard,
        Route::OpenApi,
    ];

    pub fn method(self) -> &'static str {
        match self {
            Route::PostEvents
            | Route::ReplayQuarantine
            | Route::Initialize
            | Route::AssessQuality
            | Route::PrepareData
            | Route::Trained => "POST",
            Route::EraseUser => "DELETE",
            Route::Erasure
            | Route::Status
            | Route::Datasets
            | Route::Dataset
            | Route::ReadyDatasets
            | Route::DataAggregation
            | Route::Timeline
            | Route::QualityMetrics
            | Route::Assessment
            | Route::FailingRecords
            | Route::Versions
            | Route::Version
            | Route::VersionDiff
            | Route::Features
            | Route::Health
            | Route::Dependencies
            | Route::Dashboard
            | Route::OpenApi => "GET",
        }
    }

    /// Who may use the route. Each is named, so that no pattern opens one by chance.
    pub fn audience(self) -> Audience {
        match self {
            Route::PostEvents => Audience::Users(Scope::WriteEvents),
            Route::EraseUser => Audience::Users(Scope::EraseData),
            Route::Erasure => Audience::Users(Scope::EraseData),
            Route::ReplayQuarantine => Audience::Services(Scope::WriteEvents),
            Route::Status => Audience::Services(Scope::ReadLearning),
            Route::Datasets => Audience::Services(Scope::ReadLearning),
            Route::Dataset => Audience::Services(Scope::ReadLearning),
            Route::ReadyDatasets => Audience::Services(Scope::ReadLearning),
            Route::DataAggregation => Audience::Services(Scope::ReadLearning),
            Route::Timeline => Audience::Services(Scope::ReadLearning),
            Route::Initialize => Audience::Services(Scope::WriteLearning),
            Route::AssessQuality => Audience::Services(Scope::WriteLearning),
            Route::QualityMetrics => Audience::Services(Scope::ReadLearning),
            Route::Assessment => Audience::Services(Scope::ReadLearning),
            Route::FailingRecords => Audience::Services(Scope::ReadLearning),
            Route::PrepareData => Audience::Services(Scope::WriteLearning),
            Route::Versions => Audience::Services(Scope::ReadLearning),
            Route::Version => Audience::Services(Scope::ReadLearning),
            Route::VersionDiff => Audience::Services(Scope::ReadLearning),
            Route::Trained => Audience::Services(Scope::WriteLearning),
            Route::Features => Audience::Users(Scope::ReadLearning),
            Route::Health => Audience::Anyone,
            Route::Dependencies => Audience::Services(Scope::ReadLearning),
            Route::Dashboard => Audience::Anyone,
            Route::OpenApi => Audience::Anyone,
        }
    }

    /// What a token must allow; `None` where no token is needed.
    pub fn scope(self) -> Option<Scope> {
        self.audience().scope()
    }

    /// With `{name}` for a segment that varies, as API Gateway writes it.
    pub fn path(self) -> &'static str {
        match self {
            Route::PostEvents => "/coaching/events",
            Route::EraseUser => "/coaching/users/{user_id}/data",
            Route::Erasure => "/coaching/users/{user_id}/erasures/{erasure_id}",
            Route::ReplayQuarantine => "/coaching/quarantine/replay",
            Route::Status => "/coaching/continuous-learning/status",
            Route::Datasets => "/coaching/continuous-learning/datasets",
            Route::Dataset => "/coaching/continuous-learning/datasets/{dataset_id}",
            Route::ReadyDatasets => "/coaching/continuous-learning/ready-datasets",
            Route::DataAggregation => "/coaching/continuous-learning/data-aggregation",
            Route::Timeline => "/coaching/continuous-learning/datasets/{dataset_id}/timeline",
            Route::Initialize => "/coaching/continuous-learning/initialize",
            Route::AssessQuality => "/coaching/continuous-learning/assess-quality",
            Route::QualityMetrics => "/coaching/continuous-learning/quality-metrics/{dataset_id}",
            Route::Assessment => "/coaching/continuous-learning/assessments/{assessment_id}",
            Route::FailingRecords => "/coaching/continuous-learning/assessments/{assessment_id}/failing-records",
            Route::PrepareData => "/coaching/continuous-learning/prepare-data",
            Route::Versions => "/coaching/continuous-learning/datasets/{dataset_id}/versions",
            Route::Version => "/coaching/continuous-learning/datasets/{dataset_id}/versions/{version}",
            Route::VersionDiff => "/coaching/continuous-learning/datasets/{dataset_id}/versions/{version}/diff/{other}",
            Route::Trained => "/coaching/continuous-learning/datasets/{dataset_id}/versions/{version}/trained",
            Route::Features => "/coaching/continuous-learning/features/{user_id}",
            Route::Health => "/coaching/continuous-learning/health",
            Route::Dependencies => "/coaching/continuous-learning/health/dependencies",
            Route::Dashboard => "/coaching/continuous-learning/dashboard",
            Route::OpenApi => "/openapi.json",
        }
    }

    pub fn function(self) -> Function {
        match self {
            Route::PostEvents | Route::EraseUser | Route::Erasure | Route::ReplayQuarantine => Function::EventIngestion,
            Route::AssessQuality | Route::QualityMetrics | Route::Assessment | Route::FailingRecords => {
                Function::QualityAssessment
            }
            Route::PrepareData
            | Route::Versions
            | Route::Version
            | Route::VersionDiff
            | Route::Trained
            | Route::Features => Function::DataPreparation,
            Route::Status
            | Route::Datasets
            | Route::Dataset
            | Route::ReadyDatasets
            | Route::DataAggregation
            | Route::Timeline
            | Route::Initialize
            | Route::Health
            | Route::Dependencies
            | Route::Dashboard
            | Route::OpenApi => Function::ReadinessCheck,
        }
    }
}

/// The varying segments of a path, by name.
pub type Segments = HashMap<&'static str, String>;

/// Finds the route of a request.
///
/// # Errors
/// 404 for a path that is none; 405, with what is allowed, for a wrong method.
pub fn find(method: &str, path: &str) -> Result<(Route, Segments), Problem> {
    let matching: Vec<(Route, Segments)> =
        Route::ALL.into_iter().filter_map(|route| Some((route, segments(route.path(), path)?))).collect();
    if matching.is_empty() {
        return Err(Problem::not_found(format!("there is no route {path}")));
    }
    let allowed: Vec<&str> = matching.iter().map(|(route, _)| route.method()).collect();
    matching
        .into_iter()
        .find(|(route, _)| route.method() == method)
        .ok_or_else(|| Problem::method_not_allowed(method, &allowed))
}

fn segments(pattern: &'static str, path: &str) -> Option<Segments> {
    let (mut patterns, mut parts) = (pattern.split('/'), path.split('/'));
    let mut segments = Segments::new();
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return Some(segments),
            (Some(pattern), Some(part)) => match pattern.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) if !part.is_empty() => {
                    segments.insert(name, part.to_owned());
                }
                None if pattern == part => {}
                _ => return None,
            },
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_on_the_api_lists_every_route() {
        let page = include_str!("../../../docs/API.md");
        for route in Route::ALL {
            let path = route.path().replace("/coaching/continuous-learning", "…");
            assert!(page.contains(&format!("`{} {path}`", route.method())), "{} {path} is not in it", route.method());
        }
    }

    #[test]
    fn every_route_finds_itself() {
        for route in Route::ALL {
            let path = route.path().replace('{', "x-").replace('}', "");
            let (found, segments) = find(route.method(), &path).unwrap();
            assert_eq!(found, route);
            assert_eq!(segments.len(), route.path().matches('{').count());
            for (name, value) in segments {
                assert_eq!(value, format!("x-{name}"));
            }
        }
    }

    #[test]
    fn three_routes_need_no_token_and_four_take_a_users() {
        let of = |wanted: fn(Audience) -> bool| -> Vec<&str> {
            Route::ALL.into_iter().filter(|route| wanted(route.audience())).map(Route::path).collect()
        };
        assert_eq!(
            of(|audience| audience == Audience::Anyone),
            ["/coaching/continuous-learning/health", "/coaching/continuous-learning/dashboard", "/openapi.json"]
        );
        assert_eq!(
            of(|audience| matches!(audience, Audience::Users(_))),
            [
                "/coaching/events",
                "/coaching/users/{user_id}/data",
                "/coaching/users/{user_id}/erasures/{erasure_id}",
                "/coaching/continuous-learning/features/{user_id}",
            ]
        );
    }

    #[test]
    fn other_paths_and_methods_are_told_apart() {
        assert_eq!(find("GET", "/coaching/event").unwrap_err().status(), 404);
        assert_eq!(find("GET", "/coaching/continuous-learning/datasets/").unwrap_err().status(), 404);
        let problem = find("DELETE", "/coaching/events").unwrap_err();
        assert_eq!((problem.status(), problem.allow()), (405, Some("POST")));
    }
}
