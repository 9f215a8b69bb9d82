//! The kinds of columns, named once, so that the two databases keep the same forms.

use sea_orm_migration::prelude::*;

/// A random id: `uuid` on PostgreSQL, a blob of 16 bytes on SQLite.
pub(crate) fn id(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).uuid().not_null().take()
}

/// An instant in UTC with microseconds.
pub(crate) fn instant(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).timestamp_with_time_zone().not_null().take()
}

/// Text of any length.
pub(crate) fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().take()
}

/// A value of a vocabulary: text that the database checks.
pub(crate) fn word(name: &'static str, words: &[&'static str]) -> ColumnDef {
    ColumnDef::new(name).text().not_null().check(Expr::col(name).is_in(words.iter().copied())).take()
}

/// A short list.
pub(crate) fn list(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).json_binary().not_null().take()
}

/// Bytes: ciphertext or a hash.
pub(crate) fn bytes(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).blob().not_null().take()
}

/// Yes or no.
pub(crate) fn flag(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).boolean().not_null().take()
}

/// The count of changes, from 1.
pub(crate) fn version() -> ColumnDef {
    ColumnDef::new("version").integer().not_null().take()
}

/// The same column, which may be null.
pub(crate) fn nullable(mut column: ColumnDef) -> ColumnDef {
    column.null().take()
}

/// A foreign key to the `id` of another table; a row that something refers to is not deleted.
pub(crate) fn reference(table: &'static str, column: &'static str, to: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().name(format!("fk_{table}_{column}")).from(table, column).to(to, "id").take()
}

/// An index named after what it is on.
pub(crate) fn index(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create().name(format!("ix_{table}_{}", columns.join("_"))).table(table).take();
    for column in columns {
        index.col(*column);
    }
    index
}
