//! One definition per key: its path, form, default, and what a reload does with it.
//!
//! `section!` makes of such definitions the struct, the reading of it, its rows in SHOW CONFIG and its
//! part of the reference, so that none of them can say something else than the others.

use crate::error::Error;
use crate::file::Table;
use crate::form::{Form, Optional};

/// When a changed key takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// As soon as the configuration is reloaded.
    Reload,
    /// For connections made after the reload.
    NewConnections,
    /// When the program is started again.
    Restart,
}

/// The definition of a key.
pub(crate) struct Key<F: Form> {
    path: &'static str,
    form: F,
    default: Option<F::Value>,
    effect: Effect,
    example: Option<&'static str>,
    suggested: bool,
}

/// A key with a default.
pub(crate) fn key<F: Form>(path: &'static str, form: F, default: F::Value) -> Key<F> {
    Key { path, form, default: Some(default), effect: Effect::NewConnections, example: None, suggested: true }
}

/// A key that must be set.
pub(crate) fn required<F: Form>(path: &'static str, form: F, example: &'static str) -> Key<F> {
    let example = Some(example);
    Key { path, form, default: None, effect: Effect::NewConnections, example, suggested: true }
}

/// A key that may be left out.
pub(crate) fn optional<F: Form>(path: &'static str, form: F, example: &'static str) -> Key<Optional<F>> {
    let form = Optional(form);
    let (default, example) = (Some(None), Some(example));
    Key { path, form, default, effect: Effect::NewConnections, example, suggested: false }
}

impl<F: Form> Key<F> {
    /// Takes effect at once when reloaded.
    pub(crate) fn live(self) -> Self {
        Self { effect: Effect::Reload, ..self }
    }

    /// Takes effect only after a restart.
    pub(crate) fn restart(self) -> Self {
        Self { effect: Effect::Restart, ..self }
    }

    /// Shown commented out in the example, instead of a default that says little.
    pub(crate) fn example(self, example: &'static str) -> Self {
        Self { example: Some(example), suggested: false, ..self }
    }

    /// Not commented out in the example although it may be left out.
    pub(crate) fn suggested(self) -> Self {
        Self { suggested: true, ..self }
    }

    /// The same key where it only sets again what has a value elsewhere.
    pub(crate) fn again(self) -> Key<Optional<F>> {
        let Self { path, form, effect, example, suggested, .. } = self;
        Key { path, form: Optional(form), default: Some(None), effect, example, suggested }
    }
}

/// A part of a section: a key, a table of keys, a list of tables.
pub(crate) trait Part<T> {
    /// Reads the part out of the section's table. None only if something wrong was noted and there is no default.
    fn read(&self, table: &Table<'_>) -> Option<T>;
    /// Adds to the reference.
    fn describe(&self, doc: &[&'static str], out: &mut Vec<Described>);
    /// Adds to the rows of SHOW CONFIG.
    fn show(&self, value: &T, out: &mut Vec<Shown>);
}

/// A struct of parts. Made by [`section!`].
pub(crate) trait Section: Sized {
    /// Reads every part and checks them together.
    fn read(table: &Table<'_>) -> Option<Self>;
    /// Adds to the reference.
    fn describe(out: &mut Vec<Described>);
    /// Adds to the rows of SHOW CONFIG.
    fn show(&self, out: &mut Vec<Shown>);
}

/// What the keys of one section must be together.
pub(crate) trait Check: Sized {
    /// Notes contradictions. Defaults stand in for values that were wrong, and there may be no section at all,
    /// so what is said must be true whatever these were meant to be; `table` knows which keys are set.
    fn check(_section: Option<&Self>, _table: &Table<'_>) {}
}

/// A key or a section as the reference tells of it.
#[derive(Debug)]
pub(crate) enum Described {
    /// The table that `path` names, `[[path]]` if `many`; `optional`, if it may be left out with all that is in it.
    Section { path: &'static str, many: bool, optional: bool, doc: String },
    /// A key.
    Key(DescribedKey),
}

/// A key as the reference tells of it.
#[derive(Debug)]
pub(crate) struct DescribedKey {
    pub(crate) path: &'static str,
    /// The path, or what else the reference calls it.
    pub(crate) title: String,
    pub(crate) doc: String,
    pub(crate) words: String,
    pub(crate) meanings: Vec<(&'static str, &'static str)>,
    /// As it stands in a file; empty for none.
    pub(crate) default: String,
    pub(crate) required: bool,
    /// A value for the example instead of the default.
    pub(crate) example: Option<&'static str>,
    /// Whether the example has it uncommented.
    pub(crate) suggested: bool,
    pub(crate) effect: Effect,
}

/// A key with its value.
pub(crate) struct Shown {
    pub(crate) path: &'static str,
    pub(crate) value: String,
    pub(crate) default: String,
    pub(crate) effect: Effect,
}

/// The last word of a path: how the key is called within its table.
pub(crate) fn name_of(path: &'static str) -> &'static str {
    path.rsplit('.').next().unwrap_or(path)
}

/// The lines of a doc comment as one text.
pub(crate) fn prose(doc: &[&str]) -> String {
    doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ").trim().to_owned()
}

impl<F: Form<Value: Clone>> Part<F::Value> for Key<F> {
    fn read(&self, table: &Table<'_>) -> Option<F::Value> {
        let name = name_of(self.path);
        let Some(item) = table.item(name) else {
            if self.default.is_none() {
                table.mistake(name, Error::Missing { want: self.form.words() });
            }
            return self.default.clone();
        };
        // the default stands in for a value that is wrong, so that the rest of the section can be looked at
        self.form.read(&item).or_else(|| self.default.clone())
    }

    fn describe(&self, doc: &[&'static str], out: &mut Vec<Described>) {
        let default = self.default.as_ref().map(|default| self.form.show(default));
        out.push(Described::Key(DescribedKey {
            path: self.path,
            title: format!("`{}`", self.path),
            doc: prose(doc),
            words: self.form.words(),
            meanings: self.form.meanings(),
            required: default.is_none(),
            default: default.unwrap_or_default(),
            example: self.example,
            suggested: self.suggested,
            effect: self.effect,
        }));
    }

    fn show(&self, value: &F::Value, out: &mut Vec<Shown>) {
        let default = self.default.as_ref().map(|default| self.form.show(default)).unwrap_or_default();
        out.push(Shown { path: self.path, value: self.form.show(value), default, effect: self.effect });
    }
}

/// A table of its own under the last word of a path.
pub(crate) struct Under(pub(crate) &'static str);

impl<S: Section> Part<S> for Under {
    fn read(&self, table: &Table<'_>) -> Option<S> {
        Outcome::read(&table.child(name_of(self.0))).value
    }

    fn describe(&self, doc: &[&'static str], out: &mut Vec<Described>) {
        out.push(Described::Section { path: self.0, many: false, optional: false, doc: prose(doc) });
        S::describe(out);
    }

    fn show(&self, value: &S, out: &mut Vec<Shown>) {
        value.show(out);
    }
}

/// A table of its own under the last word of a path that may be left out as a whole.
pub(crate) struct Maybe(pub(crate) &'static str);

impl<S: Section> Part<Option<S>> for Maybe {
    fn read(&self, table: &Table<'_>) -> Option<Option<S>> {
        let name = name_of(self.0);
        let child = table.child(name);
        if !table.has(name) {
            return Some(None);
        }
        let section = S::read(&child);
        child.finish();
        section.map(Some)
    }

    fn describe(&self, doc: &[&'static str], out: &mut Vec<Described>) {
        out.push(Described::Section { path: self.0, many: false, optional: true, doc: prose(doc) });
        S::describe(out);
    }

    fn show(&self, value: &Option<S>, out: &mut Vec<Shown>) {
        let Some(section) = value else {
            // as many rows as with the section, so that two configurations can be compared row by row
            let mut described = Vec::new();
            S::describe(&mut described);
            for key in described {
                if let Described::Key(DescribedKey { path, default, effect, .. }) = key {
                    out.push(Shown { path, value: String::new(), default, effect });
                }
            }
            return;
        };
        section.show(out);
    }
}

/// Keys that stand in the same table as their neighbours and are grouped only in the struct.
pub(crate) struct Beside;

impl<S: Section> Part<S> for Beside {
    fn read(&self, table: &Table<'_>) -> Option<S> {
        S::read(table)
    }

    fn describe(&self, _doc: &[&'static str], out: &mut Vec<Described>) {
        S::describe(out);
    }

    fn show(&self, value: &S, out: &mut Vec<Shown>) {
        value.show(out);
    }
}

/// A list of tables under the last word of a path.
pub(crate) struct Each {
    /// The path.
    pub(crate) path: &'static str,
    /// The least number of them.
    pub(crate) least: usize,
    /// The number beyond which more are not supported yet, and what to do about it.
    pub(crate) most: Option<(usize, &'static str)>,
}

impl<S: Section> Part<Vec<Outcome<S>>> for Each {
    fn read(&self, table: &Table<'_>) -> Option<Vec<Outcome<S>>> {
        let Self { path, least, most } = *self;
        let name = name_of(path);
        let before = table.reading().mistakes();
        let children = table.children(name);
        if children.len() < least && table.reading().mistakes() == before {
            let want = format!("at least one [[{path}]]");
            table.mistake(name, Error::Missing { want });
        }
        if let Some((most, remedy)) = most
            && let Some(child) = children.get(most)
        {
            let what = format!("more than {most} [[{path}]]");
            child.mistake("", Error::Later { what, remedy: remedy.into() });
        }
        Some(children.iter().map(Outcome::read).collect())
    }

    fn describe(&self, doc: &[&'static str], out: &mut Vec<Described>) {
        out.push(Described::Section { path: self.path, many: true, optional: false, doc: prose(doc) });
        S::describe(out);
    }

    fn show(&self, _value: &Vec<Outcome<S>>, _out: &mut Vec<Shown>) {}
}

impl<S: Section> Part<Vec<S>> for Each {
    fn read(&self, table: &Table<'_>) -> Option<Vec<S>> {
        let outcomes: Vec<Outcome<S>> = self.read(table)?;
        outcomes.into_iter().map(|outcome| outcome.value).collect()
    }

    fn describe(&self, doc: &[&'static str], out: &mut Vec<Described>) {
        Part::<Vec<Outcome<S>>>::describe(self, doc, out);
    }

    fn show(&self, _value: &Vec<S>, _out: &mut Vec<Shown>) {}
}

/// What became of reading a section, for those who go on although it is wrong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome<S> {
    /// The section; defaults stand in for wrong values. None if a key without default is missing or wrong.
    pub(crate) value: Option<S>,
    /// Whether nothing was wrong with it.
    pub(crate) clean: bool,
}

impl<S: Section> Outcome<S> {
    fn read(table: &Table<'_>) -> Self {
        let value = S::read(table);
        table.finish();
        Self { value, clean: table.is_clean() }
    }

    /// The section if nothing was wrong with it.
    pub(crate) fn clean(&self) -> Option<&S> {
        self.value.as_ref().filter(|_| self.clean)
    }
}

impl<S: Section> Part<Outcome<S>> for Under {
    fn read(&self, table: &Table<'_>) -> Option<Outcome<S>> {
        Some(Outcome::read(&table.child(name_of(self.0))))
    }

    fn describe(&self, doc: &[&'static str], out: &mut Vec<Described>) {
        Part::<S>::describe(self, doc, out);
    }

    fn show(&self, _value: &Outcome<S>, _out: &mut Vec<Shown>) {}
}

/// Defines a struct of keys, and from it the reading, SHOW CONFIG and the reference.
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        $(#[derive($($derive:ident),+)])?
        $visible:vis struct $name:ident {
            $($(#[doc = $doc:literal])* $field_visible:vis $field:ident: $type:ty = $part:expr,)*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, PartialEq $(, $($derive),+)?)]
        $visible struct $name {
            $($(#[doc = $doc])* $field_visible $field: $type,)*
        }

        impl $crate::key::Section for $name {
            fn read(table: &$crate::file::Table<'_>) -> Option<Self> {
                // all of them before any `?`, so that every mistake is noted
                $(let $field = $crate::key::Part::<$type>::read(&$part, table);)*
                let section = (|| Some(Self { $($field: $field?,)* }))();
                $crate::key::Check::check(section.as_ref(), table);
                section
            }

            fn describe(out: &mut Vec<$crate::key::Described>) {
                $($crate::key::Part::<$type>::describe(&$part, &[$($doc),*], out);)*
            }

            fn show(&self, out: &mut Vec<$crate::key::Shown>) {
                $($crate::key::Part::<$type>::show(&$part, &self.$field, out);)*
            }
        }
    };
}
pub(crate) use section;
