use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is wrong with one part of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// Path from the event's root, e.g. `["data", "amount"]`.
    pub loc: Vec<String>,
    pub code: FaultCode,
    pub message: String,
}

/// The stable, machine-readable kind of a [`Fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultCode {
    /// Absent, null, empty, blank or NaN where a value is required.
    Missing,
    WrongType,
    InvalidFormat,
    OutOfRange,
    NotInVocabulary,
    TooLong,
    TooLarge,
    TooDeep,
    ImplausibleTime,
    /// A member of the envelope that nobody knows.
    UnknownField,
    /// An event type that is not declared: stored, and in no dataset.
    UnknownEventType,
    /// A time without an offset: UTC is assumed.
    AssumedUtc,
    /// A UUID of zeros or ones only, which identifies nothing.
    NilId,
    /// A key that comes more than once in its object.
    DuplicateKey,
    /// Text that is not UTF-8.
    WrongEncoding,
    /// A declared value that is not stored as it was sent: personal data, or too long a text.
    Redacted,
    /// A schema version above those that are declared.
    UnknownVersion,
    /// Not for this caller: an end user's token writes only its own events.
    NotAllowed,
    /// The user has asked that nothing be kept.
    Erased,
    /// It made the program fail: a fault of ours, to be replayed once that is mended.
    Unforeseen,
}

impl FaultCode {
    pub fn as_str(self) -> &'static str {
        match self {
            FaultCode::Missing => "missing",
            FaultCode::WrongType => "wrong_type",
            FaultCode::InvalidFormat => "invalid_format",
            FaultCode::OutOfRange => "out_of_range",
            FaultCode::NotInVocabulary => "not_in_vocabulary",
            FaultCode::TooLong => "too_long",
            FaultCode::TooLarge => "too_large",
            FaultCode::TooDeep => "too_deep",
            FaultCode::ImplausibleTime => "implausible_time",
            FaultCode::UnknownField => "unknown_field",
            FaultCode::UnknownEventType => "unknown_event_type",
            FaultCode::AssumedUtc => "assumed_utc",
            FaultCode::NilId => "nil_id",
            FaultCode::DuplicateKey => "duplicate_key",
            FaultCode::WrongEncoding => "wrong_encoding",
            FaultCode::Redacted => "redacted",
            FaultCode::UnknownVersion => "unknown_version",
            FaultCode::NotAllowed => "not_allowed",
            FaultCode::Erased => "erased",
            FaultCode::Unforeseen => "unforeseen",
        }
    }
}

impl Fault {
    pub fn new(loc: &[&str], code: FaultCode, message: impl Into<String>) -> Self {
        Self { loc: loc.iter().map(|part| (*part).to_owned()).collect(), code, message: message.into() }
    }

    /// E.g. `user_id missing`.
    pub fn reason(&self) -> String {
        format!("{} {}", self.loc.join("."), self.code.as_str()).trim_start().to_owned()
    }
}
