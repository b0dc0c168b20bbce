//! Values that are one of a few words: the words, the type and the documentation from one definition.

use std::marker::PhantomData;

use crate::error::{Error, quoted};
use crate::file::Item;
use crate::form::{Form, expanded, in_toml};

/// An enum whose variants are words of the configuration. Made by [`choice!`].
pub(crate) trait Choice: Copy + PartialEq + 'static {
    /// Each variant with its word and its meaning.
    const WORDS: &'static [(Self, &'static str, &'static str)];
    /// Words that will be allowed once their feature is there.
    const LATER: &'static [&'static str];
}

/// Defines a public enum, its words in the file, and what each means.
macro_rules! choice {
    (
        $(#[doc = $about:literal])*
        pub enum $name:ident {
            $($(#[doc = $doc:literal])* $variant:ident = $word:literal,)*
        }
        $(later $($later:literal),+ ;)?
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[doc = $doc])* $variant,)*
        }

        impl $name {
            /// The word for this in the file.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::choice::Choice for $name {
            const WORDS: &'static [(Self, &'static str, &'static str)] =
                &[$((Self::$variant, $word, concat!($($doc),*)),)*];
            const LATER: &'static [&'static str] = &[$($($later),+)?];
        }
    };
}
pub(crate) use choice;

/// One of the words of `C`.
pub(crate) struct OneOf<C>(PhantomData<C>);

/// The form of one of the words of `C`.
pub(crate) const fn one_of<C>() -> OneOf<C> {
    OneOf(PhantomData)
}

impl<C: Choice> Form for OneOf<C> {
    type Value = C;

    fn read(&self, item: &Item<'_>) -> Option<C> {
        let text = expanded(item, self.words())?;
        let value = C::WORDS.iter().find(|(_, word, _)| *word == text).map(|(value, _, _)| *value);
        if value.is_none() && C::LATER.contains(&text.as_str()) {
            let remedy = format!("choose {}", self.words());
            item.mistake(Error::Later { what: quoted(&text), remedy });
        } else if value.is_none() {
            item.mistake(Error::Value { got: quoted(&text), want: self.words() });
        }
        value
    }

    fn show(&self, value: &C) -> String {
        C::WORDS
            .iter()
            .find(|(known, _, _)| known == value)
            .map(|(_, word, _)| in_toml(word))
            .unwrap_or_default()
    }

    fn words(&self) -> String {
        let words: Vec<&str> = C::WORDS.iter().map(|(_, word, _)| *word).collect();
        format!("one of {}", words.join(" | "))
    }

    fn meanings(&self) -> Vec<(&'static str, &'static str)> {
        C::WORDS.iter().map(|(_, word, meaning)| (*word, meaning.trim())).collect()
    }
}
