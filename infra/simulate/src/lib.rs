use chrono::NaiveDate;
#[derive(Debug, Clone)]
pub struct Simulation {
    pub seed: u64,
    pub users: u32,
    pub days: u32,
    pub end: NaiveDate,
    pub dirt: f64,
}
impl Default for Simulation {
    fn default() -> Self {
        Self { seed: 1, users: 1, days: 1, end: NaiveDate::from_ymd_opt(2026, 6, 30).unwrap(), dirt: 0.0 }
    }
}
impl Simulation {
    pub fn events(&self) -> impl Iterator<Item = serde_json::Value> {
        std::iter::empty()
    }
}
