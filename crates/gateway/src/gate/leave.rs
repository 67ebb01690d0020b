//! Leave to write the table that hosts share: its rows, or the table itself, and nothing else of DynamoDB.

use mldeck_core::{
    ops::team::{Request, RowAction},
    scope::Scope,
    text::Text,
};

/// Leave to write one table of one account and region. Its fields are private: it cannot be widened afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamLeave {
    scope: Scope,
    table: Text,
    creates: bool,
}

impl TeamLeave {
    /// For rows: locks and records. Nobody has it who may change nothing.
    pub const fn rows(scope: Scope, table: Text) -> Self {
        Self { scope, table, creates: false }
    }

    /// For making the table, given by `mldeck team init --write`.
    pub const fn creation(scope: Scope, table: Text) -> Self {
        Self { scope, table, creates: true }
    }

    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    pub const fn table(&self) -> &Text {
        &self.table
    }

    /// Why it does not cover this request by these credentials; `None` when it does.
    pub(crate) fn objection(&self, request: &Request, verified: &Scope) -> Option<String> {
        let creates = request.action == RowAction::CreateTable;
        let member = |name: &str| request.body.get(name).and_then(serde_json::Value::as_str);
        if &self.scope != verified {
            return Some(format!("the leave to write is for {}, the credentials are for {verified}", self.scope));
        }
        if request.scope.as_ref().is_some_and(|scope| scope != verified) {
            return Some("the row is of another account or region".to_owned());
        }
        if creates != self.creates {
            return Some(format!("the leave to write does not cover {}", request.action.name()));
        }
        if member("TableName") != Some(self.table.raw().as_str()) {
            return Some(format!("the leave to write is for the table {}", self.table));
        }
        (!creates && member("ConditionExpression").is_none()).then(|| "a row is written on a condition only".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use mldeck_core::{
        ops::{
            target::{Kind, Target},
            team::{self, Lock, Owner},
        },
        time::Timestamp,
    };

    use super::*;

    fn lock(scope: &Scope) -> Lock {
        Lock {
            scope: scope.clone(),
            target: Target::new(Kind::Endpoint, Text::new("fraud-prod")),
            owner: Owner::default(),
            plan: Text::new("1a2b3c4d"),
            what: Text::default(),
            since: Timestamp::default(),
            expires: Timestamp::default(),
            epoch: 1,
            reason: None,
            freed: None,
        }
    }

    #[test]
    fn it_covers_rows_of_one_table_in_one_place_or_the_table() {
        let here = Scope::new("aws", "447100000921", "eu-west-1");
        let there = Scope::new("aws", "447100000921", "us-east-1");
        let table = Text::new("mldeck-team");
        let rows = TeamLeave::rows(here.clone(), table.clone());
        let take = team::take(&table, &lock(&here), 0);
        assert_eq!(rows.objection(&take, &here), None);
        let why = |leave: &TeamLeave, request: &Request, verified: &Scope| leave.objection(request, verified).unwrap();
        assert!(why(&rows, &take, &there).contains("us-east-1"));
        assert!(why(&rows, &team::take(&table, &lock(&there), 0), &here).contains("another account or region"));
        assert!(why(&rows, &team::take(&Text::new("orders"), &lock(&here), 0), &here).contains("mldeck-team"));
        let mut bare = take.clone();
        bare.body.as_object_mut().unwrap().remove("ConditionExpression");
        assert!(why(&rows, &bare, &here).contains("condition"));
        assert!(why(&rows, &team::create(&table), &here).contains("CreateTable"));
        let creation = TeamLeave::creation(here.clone(), table.clone());
        assert_eq!(creation.objection(&team::create(&table), &here), None);
        assert!(why(&creation, &take, &here).contains("UpdateItem"));
        assert!(why(&creation, &team::create(&Text::new("orders")), &here).contains("mldeck-team"));
    }
}
