//! All list behaviour, once: selection by identity, window, sort, filter, marks, column tiers, age, and the empty,
//! loading, stale and denied states.

use std::{
    cell::Cell as StdCell,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use mldeck_core::{
    column::{Align, Cell, Column, Now, Tier, Tone, Value, Width},
    fault::{Fault, FaultKind},
    health::Health,
    query::{self, Query},
    resource::{Kind, Resource},
    text::Text,
    time::{self, Timestamp},
};

use crate::app::{
    look::{Grid, Head, Notice},
    msg::Slot,
};

/// From this width on the columns of tier `Wide` are shown.
const WIDE_FROM: u16 = 120;

/// Rows of one kind, and how they are looked at.
pub struct Table<R: Resource> {
    rows: Vec<R>,
    /// Row numbers in display order: filtered, sorted.
    index: Vec<u32>,
    place: HashMap<Text, u32>,
    /// Places of the rows that the walk under way has named, in its order.
    walked: Vec<u32>,
    /// Rows changed since the index was made.
    dirty: bool,
    /// How many rows are a problem, whether shown or not.
    problems: usize,
    /// They differ from what was last kept for the next start.
    unkept: bool,
    /// What the cursor is on; survives refresh, sort and filter.
    selected: Option<Text>,
    /// The operator has had a say since there are rows. Before, the cursor stays on the first: whoever is paged looks at
    /// what burns, and not at what came first.
    chosen: bool,
    /// Where it stands, kept so that a vanished row leaves the cursor near its place.
    cursor: usize,
    top: StdCell<usize>,
    marks: BTreeSet<Text>,
    anchor: Option<usize>,
    sort: Option<(String, bool)>,
    filter: String,
    query: Option<Result<Query, String>>,
    pub wide: bool,
    pub problems_only: bool,
    /// Fields shown as columns of their own (metrics of runs).
    extra: Vec<String>,
    pub load: Load,
    /// Said when there is nothing at all: what this table would show and how to get the first one.
    empty: &'static [&'static str],
}

/// Where the rows come from and how old they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Load {
    /// When the rows were true; `None` until they were read whole.
    pub as_of: Option<Timestamp>,
    /// The rows are from the cache: nothing was heard from AWS yet.
    pub cached: bool,
    /// A walk is under way.
    pub loading: bool,
    /// What continues a walk that is under way; `None` when it is complete.
    pub more: Option<Text>,
    /// The last attempt failed.
    pub fault: Option<Fault>,
    /// What is missing in the rows, by the request that would fill it, and why.
    pub gaps: BTreeMap<Slot, String>,
}

impl Load {
    /// All rows were heard from AWS: what comes now is news.
    pub const fn is_fresh(&self) -> bool {
        self.as_of.is_some() && !self.cached
    }

    /// A page arrived, which `more` goes on from.
    pub fn turn(&mut self, more: Option<Text>) -> Pages {
        let before = std::mem::replace(&mut self.more, more);
        Pages { first: before.is_none(), last: self.more.is_none() }
    }
}

impl<R: Resource> Table<R> {
    pub fn new(sort: Option<(&str, bool)>, empty: &'static [&'static str]) -> Self {
        Self {
            rows: Vec::new(),
            index: Vec::new(),
            place: HashMap::new(),
            walked: Vec::new(),
            dirty: false,
            problems: 0,
            unkept: true,
            selected: None,
            chosen: false,
            cursor: 0,
            top: StdCell::new(0),
            marks: BTreeSet::new(),
            anchor: None,
            sort: sort.map(|(name, descending)| (name.to_owned(), descending)),
            filter: String::new(),
            query: None,
            wide: false,
            problems_only: false,
            extra: Vec::new(),
            load: Load::default(),
            empty,
        }
    }

    pub fn rows(&self) -> &[R] {
        &self.rows
    }

    pub fn row_mut(&mut self, name: &Text) -> Option<&mut R> {
        let place = *self.place.get(name)?;
        self.dirty = true;
        self.unkept = true;
        self.rows.get_mut(place as usize)
    }

    pub fn get(&self, name: &Text) -> Option<&R> {
        self.rows.get(*self.place.get(name)? as usize)
    }

    /// What may change in one row; `change` tells whether it did. Without such a row nothing happens.
    pub fn change(&mut self, name: &Text, change: impl FnOnce(&mut R) -> bool) {
        let place = self.place.get(name).map(|place| *place as usize);
        if let Some(row) = place.and_then(|place| self.rows.get_mut(place)) {
            let changed = change(row);
            self.changed(changed);
        }
    }

    /// What may change in every row; `change` tells whether it did.
    pub fn change_each(&mut self, mut change: impl FnMut(&mut R) -> bool) {
        let mut changed = false;
        for row in &mut self.rows {
            changed |= change(row);
        }
        self.changed(changed);
    }

    fn changed(&mut self, changed: bool) {
        self.unkept |= changed;
        // A filter by age lets go of rows that stand still.
        self.dirty |= changed || self.query.is_some();
    }

    /// The whole truth: what is not in `rows` is gone.
    pub fn replace(&mut self, rows: Vec<R>) {
        self.walk(rows, Pages { first: true, last: true }, |old, new| old != new, |_, _| {});
    }

    /// A page of the whole truth. Rows appear as they are named; at the last page those that no page named are gone, and the
    /// others stand in the order of the walk. For rows that know less than those that are here: where a row `differs`,
    /// `carry` moves what the new one does not know into it; where it does not, the one that is here stays.
    pub fn walk(
        &mut self,
        page: Vec<R>,
        Pages { first, last }: Pages,
        differs: impl Fn(&R, &R) -> bool,
        carry: impl Fn(&mut R, &mut R),
    ) {
        if first {
            self.walked.clear();
        }
        let mut changed = false;
        for mut row in page {
            // Mostly it stands where it stood the last time.
            let here = self.walked.len();
            let stands = self.rows.get(here).is_some_and(|old| old.name() == row.name());
            let place = if stands { Some(number(here)) } else { self.place.get(row.name()).copied() };
            let place = place.unwrap_or_else(|| number(self.rows.len()));
            self.walked.push(place);
            match self.rows.get_mut(place as usize) {
                None => {
                    self.add(row);
                    changed = true;
                }
                Some(old) if differs(old, &row) => {
                    carry(old, &mut row);
                    *old = row;
                    changed = true;
                }
                Some(_) => {}
            }
        }
        if last {
            changed |= self.stand_as_walked();
        }
        self.changed(changed);
    }

    fn add(&mut self, row: R) {
        self.place.insert(row.name().clone(), number(self.rows.len()));
        self.rows.push(row);
    }

    /// The walk has ended; false when the rows stand as it named them.
    fn stand_as_walked(&mut self) -> bool {
        let stand = self.walked.len() == self.rows.len() && (0..).zip(&self.walked).all(|(at, place)| at == *place);
        if !stand {
            let mut rows: Vec<Option<R>> = std::mem::take(&mut self.rows).into_iter().map(Some).collect();
            // A row that moved while the walk went on is named twice.
            let named = self.walked.iter().filter_map(|place| rows.get_mut(*place as usize)?.take());
            self.rows = named.collect();
            self.find_places();
        }
        self.walked.clear();
        !stand
    }

    /// Rows of an earlier session, the first of them or all. What a walk under way has told is newer, and stays.
    pub fn fill(&mut self, rows: Vec<R>) {
        self.dirty = true;
        if self.walked.is_empty() {
            self.rows = rows;
            self.find_places();
            self.unkept = false;
            return;
        }
        for row in rows {
            if !self.place.contains_key(row.name()) {
                self.add(row);
            }
        }
    }

    fn find_places(&mut self) {
        self.place = self.rows.iter().enumerate().map(|(at, row)| (row.name().clone(), number(at))).collect();
    }

    /// News of some rows: the others stay.
    pub fn upsert(&mut self, rows: Vec<R>, carry: impl Fn(&R, &mut R)) {
        let mut changed = false;
        for mut row in rows {
            if let Some(&place) = self.place.get(row.name()) {
                let slot = &mut self.rows[place as usize];
                carry(slot, &mut row);
                changed |= *slot != row;
                *slot = row;
            } else {
                changed = true;
                self.add(row);
            }
        }
        self.changed(changed);
    }

    /// True when the rows differ from what was last taken for keeping; from now on they count as kept.
    pub fn take_unkept(&mut self) -> bool {
        std::mem::take(&mut self.unkept)
    }

    /// Makes the index fit the rows again; selection follows its row. Called once after a burst of messages.
    pub fn settle(&mut self, now: Timestamp) {
        if !std::mem::take(&mut self.dirty) {
            return;
        }
        // Of each row once: counting, filtering and sorting ask for it, sorting many times.
        let health: Vec<Health> = self.rows.iter().map(Resource::health).collect();
        self.problems = health.iter().filter(|health| health.is_problem()).count();
        let keep = |(row, health): &(&R, &Health)| {
            (!self.problems_only || health.is_problem())
                && match &self.query {
                    None => true,
                    Some(Ok(query)) => query.matches(&query::Row(*row, Now(now))),
                    Some(Err(_)) => false,
                }
        };
        let kept = self.rows.iter().zip(&health).enumerate().filter(|(_, row)| keep(row));
        let mut index: Vec<u32> = kept.map(|(i, _)| number(i)).collect();
        match &self.sort {
            None => {}
            Some((name, descending)) if name == "health" => {
                index.sort_by_key(|&i| health[i as usize]);
                if *descending {
                    index.reverse();
                }
            }
            Some((name, descending)) => sort_by_field(&self.rows, &mut index, name, *descending),
        }
        self.index = index;
        let visible: BTreeSet<Text> = if self.marks.is_empty() {
            BTreeSet::new()
        } else {
            self.index.iter().map(|&i| self.rows[i as usize].name().clone()).collect()
        };
        self.marks.retain(|name| visible.contains(name));
        let found = self.selected.as_ref().filter(|_| self.chosen).and_then(|name| self.position(name));
        self.set_cursor(found.unwrap_or(if self.chosen { self.cursor } else { 0 }));
    }

    fn position(&self, name: &Text) -> Option<usize> {
        let place = *self.place.get(name)?;
        self.index.iter().position(|&i| i == place)
    }

    fn set_cursor(&mut self, to: usize) {
        self.cursor = to.min(self.index.len().saturating_sub(1));
        self.selected = self.selected_row().map(|row| row.name().clone());
    }

    pub fn selected_row(&self) -> Option<&R> {
        self.rows.get(*self.index.get(self.cursor)? as usize)
    }

    pub fn selected(&self) -> Option<&Text> {
        self.selected_row().map(Resource::name)
    }

    /// A command was given while this was on screen: from now on the cursor follows its row.
    pub const fn choose(&mut self) {
        self.chosen |= !self.index.is_empty();
    }

    /// Puts the cursor on a row by name; false when it is not shown.
    pub fn select(&mut self, name: &Text) -> bool {
        self.chosen = true;
        let found = self.position(name);
        if let Some(at) = found {
            self.set_cursor(at);
        } else {
            self.selected = Some(name.clone());
        }
        found.is_some()
    }

    pub fn move_by(&mut self, rows: isize) {
        self.set_cursor(self.cursor.saturating_add_signed(rows));
        if let Some(anchor) = self.anchor {
            let (from, to) = (anchor.min(self.cursor), anchor.max(self.cursor));
            for at in from..=to {
                if let Some(name) = self.name_at(at) {
                    self.marks.insert(name);
                }
            }
        }
    }

    pub fn move_to_end(&mut self, last: bool) {
        self.move_by(if last { isize::MAX } else { isize::MIN });
    }

    fn name_at(&self, at: usize) -> Option<Text> {
        self.index.get(at).map(|&i| self.rows[i as usize].name().clone())
    }

    pub fn toggle_mark(&mut self) {
        if let Some(name) = self.selected().cloned() {
            if !self.marks.remove(&name) {
                self.marks.insert(name);
            }
            self.set_cursor(self.cursor + 1);
        }
    }

    /// Starts a range at the cursor, or ends it.
    pub fn toggle_range(&mut self) {
        self.anchor = if self.anchor.is_some() { None } else { Some(self.cursor) };
        self.move_by(0);
    }

    /// True when there were any.
    pub fn clear_marks(&mut self) -> bool {
        self.anchor = None;
        !std::mem::take(&mut self.marks).is_empty()
    }

    /// Marked rows in display order; the row of the cursor when none is marked.
    pub fn chosen(&self) -> Vec<&R> {
        if self.marks.is_empty() {
            return self.selected_row().into_iter().collect();
        }
        self.index.iter().map(|&i| &self.rows[i as usize]).filter(|row| self.marks.contains(row.name())).collect()
    }

    pub fn has_marks(&self) -> bool {
        !self.marks.is_empty()
    }

    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// A bad pattern is an error and zero rows, never all.
    pub fn set_filter(&mut self, text: &str) {
        text.clone_into(&mut self.filter);
        self.query = (!text.trim().is_empty()).then(|| {
            let query = Query::parse(text).map_err(|error| error.to_string())?;
            let known = self.field_names();
            query.check(&known.iter().map(String::as_str).collect::<Vec<_>>()).map_err(|error| error.to_string())?;
            Ok(query)
        });
        self.dirty = true;
    }

    pub fn filter_error(&self) -> Option<&str> {
        self.query.as_ref()?.as_ref().err().map(String::as_str)
    }

    /// Every name that a filter may use: columns, and fields of the rows.
    pub fn field_names(&self) -> Vec<String> {
        let mut names: Vec<String> = R::COLUMNS.iter().map(|column| column.name.to_owned()).collect();
        let mut fields: BTreeSet<&str> = BTreeSet::new();
        for row in self.rows.iter().take(500) {
            fields.extend(row.field_names());
        }
        names.extend(fields.into_iter().map(ToOwned::to_owned));
        names
    }

    pub fn set_problems_only(&mut self, only: bool) {
        self.problems_only = only;
        self.dirty = true;
    }

    /// The next column becomes the sort key; after the last one the natural order is back.
    pub fn next_sort(&mut self, width: u16) {
        let names: Vec<String> = self.heads(width).into_iter().map(|head| head.name).collect();
        let at = self.sort.as_ref().and_then(|(name, _)| names.iter().position(|n| n == name));
        let next = at.map_or(0, |i| i + 1);
        self.sort = names.get(next).map(|name| (name.clone(), false));
        self.dirty = true;
    }

    pub fn sort_by(&mut self, name: &str, descending: bool) {
        self.sort = Some((name.to_owned(), descending));
        self.dirty = true;
    }

    pub fn invert_sort(&mut self) {
        if let Some((_, descending)) = &mut self.sort {
            *descending = !*descending;
            self.dirty = true;
        }
    }

    pub fn sort(&self) -> Option<(&str, bool)> {
        self.sort.as_ref().map(|(name, descending)| (name.as_str(), *descending))
    }

    pub fn set_extra(&mut self, names: Vec<String>) {
        self.extra = names;
    }

    pub fn extra(&self) -> &[String] {
        &self.extra
    }

    pub fn touch(&mut self) {
        self.dirty = true;
    }

    /// Rows on screen, for what is fetched for visible rows only.
    pub fn visible(&self, height: usize) -> impl Iterator<Item = &R> {
        let (top, _) = self.window(height);
        self.index.iter().skip(top).take(height).map(|&i| &self.rows[i as usize])
    }

    /// How many rows are a problem, whether the filter keeps them or not.
    pub const fn problems(&self) -> usize {
        self.problems
    }

    /// Every row that the filter keeps, in display order.
    pub fn shown(&self) -> impl Iterator<Item = &R> {
        self.index.iter().map(|&i| &self.rows[i as usize])
    }

    /// The cells of any row, for the columns of this width.
    pub fn cells_of<'a>(&self, row: &'a R, width: u16, now: Now) -> Vec<Cell<'a>> {
        let own = self.columns(width).map(|column| (column.cell)(row, now));
        let extra = self.extra.iter().map(|name| value_cell(&row.field(name)));
        own.chain(extra).collect()
    }

    fn columns(&self, width: u16) -> impl Iterator<Item = &'static Column<R>> {
        let tier = if self.wide {
            Tier::Full
        } else if width >= WIDE_FROM {
            Tier::Wide
        } else {
            Tier::Always
        };
        R::COLUMNS.iter().filter(move |column| column.tier <= tier)
    }
}

/// Where a page is in its walk; a walk may be one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pages {
    pub first: bool,
    pub last: bool,
}

fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// Sorts row numbers by a column or field; equal keys keep their order, missing values come last either way.
fn sort_by_field<R: Resource>(rows: &[R], index: &mut [u32], name: &str, descending: bool) {
    let column = R::COLUMNS.iter().find(|column| column.name == name);
    let mut keyed: Vec<(Value<'_>, u32)> = index
        .iter()
        .map(|&i| {
            let row = &rows[i as usize];
            (column.map_or_else(|| row.field(name), |column| (column.value)(row)), i)
        })
        .collect();
    keyed.sort_by(|(a, _), (b, _)| match (a, b) {
        (Value::Missing, _) | (_, Value::Missing) => a.order(b),
        _ if descending => b.order(a),
        _ => a.order(b),
    });
    for (slot, (_, i)) in index.iter_mut().zip(keyed) {
        *slot = i;
    }
}

impl<R: Resource> Grid for Table<R> {
    fn heads(&self, width: u16) -> Vec<Head> {
        let sorted = |name: &str| self.sort().filter(|(n, _)| *n == name).map(|(_, descending)| descending);
        let own = self.columns(width).map(|column| Head {
            head: column.head.to_owned(),
            name: column.name.to_owned(),
            width: column.width,
            align: column.align,
            sorted: sorted(column.name),
        });
        let extra = self.extra.iter().map(|name| Head {
            head: name.clone(),
            name: name.clone(),
            width: Width::Fit { min: 6, max: 16 },
            align: Align::Right,
            sorted: sorted(name),
        });
        own.chain(extra).collect()
    }

    fn len(&self) -> usize {
        self.index.len()
    }

    fn total(&self) -> usize {
        self.rows.len()
    }

    fn cells(&self, row: usize, width: u16, now: Now) -> Vec<Cell<'_>> {
        self.index.get(row).map(|&i| self.cells_of(&self.rows[i as usize], width, now)).unwrap_or_default()
    }

    fn health(&self, row: usize) -> Health {
        self.index.get(row).map_or(Health::Off, |&i| self.rows[i as usize].health())
    }

    fn is_marked(&self, row: usize) -> bool {
        !self.marks.is_empty()
            && self.index.get(row).is_some_and(|&i| self.marks.contains(self.rows[i as usize].name()))
    }

    /// Scrolls by a third of a page when the cursor meets an edge, so that most cursor moves restyle two rows only.
    fn window(&self, height: usize) -> (usize, Option<usize>) {
        if self.index.is_empty() || height == 0 {
            return (0, None);
        }
        let last_top = self.index.len().saturating_sub(height);
        let mut top = self.top.get().min(last_top);
        if self.cursor < top {
            top = self.cursor.saturating_sub(height / 3);
        } else if self.cursor >= top + height {
            top = (self.cursor + 1 + height / 3).saturating_sub(height).min(last_top);
        }
        self.top.set(top);
        (top, Some(self.cursor))
    }

    fn notice(&self) -> Option<Notice> {
        if !self.index.is_empty() {
            return None;
        }
        if let Some(error) = self.filter_error() {
            return Some(
                Notice::new(Tone::Bad, "The filter cannot be read")
                    .line(error.to_owned())
                    .line("Esc clears it; ? shows the syntax."),
            );
        }
        if !self.rows.is_empty() {
            let what =
                if self.problems_only && self.filter.is_empty() { "No problems here." } else { "No row matches." };
            return Some(
                Notice::new(Tone::Dim, what)
                    .line(format!("{} rows are hidden; Esc shows them again.", self.rows.len())),
            );
        }
        if let Some(fault) = &self.load.fault {
            let tone = if matches!(fault.kind, FaultKind::NotOffered { .. }) { Tone::Dim } else { Tone::Bad };
            return Some(fault_notice(fault, tone));
        }
        if self.load.as_of.is_none() {
            return Some(Notice::new(Tone::Dim, "Loading …").line("Keys answer meanwhile; Ctrl-C gives up."));
        }
        let (first, rest) = self.empty.split_first()?;
        Some(rest.iter().fold(Notice::new(Tone::Dim, *first), |notice, line| notice.line(*line)))
    }

    fn foot(&self, now: Now) -> Vec<(String, Tone)> {
        let so_far = if self.load.as_of.is_none() && self.load.more.is_some() { " so far" } else { "" };
        let mut out = vec![(format!("{} of {}{so_far}", self.index.len(), self.rows.len()), Tone::Dim)];
        if !self.marks.is_empty() {
            out.push((format!("{} marked", self.marks.len()), Tone::Accent));
        }
        if self.problems_only {
            out.push(("problems only".to_owned(), Tone::Accent));
        }
        if self.load.loading {
            out.push(("loading …".to_owned(), Tone::Dim));
        }
        out.extend(self.load.gaps.values().map(|gap| (gap.clone(), Tone::Warn)));
        if let Some(fault) = &self.load.fault {
            out.push((fault.kind.headline().to_owned(), Tone::Warn));
        }
        // The journal is ours: what was read from it does not grow old.
        if let Some(at) = self.load.as_of.filter(|_| R::KIND != Kind::Operation) {
            let age = time::age(now.0.since(at));
            out.push(match (self.load.cached, age.as_str()) {
                (true, "now") => ("cached".to_owned(), Tone::Warn),
                (true, age) => (format!("cached {age} ago"), Tone::Warn),
                (false, "now") => ("now".to_owned(), Tone::Dim),
                (false, age) => (format!("{age} old"), Tone::Warn),
            });
        }
        out
    }
}

/// A failed load, said so that the operator knows the cause, the permission and the remedy.
pub fn fault_notice(fault: &Fault, tone: Tone) -> Notice {
    let mut notice = Notice::new(tone, format!("{}: {}", fault.doing, fault.kind.headline()));
    if !fault.message.is_empty() {
        notice = notice.line(fault.message.to_string());
    }
    notice = notice.line(fault.remedy());
    if let Some(id) = &fault.request_id {
        notice = notice.line(format!("request id {id}"));
    }
    notice
}

/// How a field without a column of its own is shown.
pub fn value_cell(value: &Value<'_>) -> Cell<'static> {
    match value {
        Value::Missing => Cell::missing(),
        Value::Text(text) => Cell::new(text.clone().into_owned()),
        Value::Number(number) => Cell::new(mldeck_core::series::short(*number)),
        Value::Time(at) => Cell::new(at.full()),
        Value::Flag(flag) => Cell::new(if *flag { "yes" } else { "no" }),
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
