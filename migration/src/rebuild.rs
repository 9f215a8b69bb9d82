//! How a table is made anew with what is in it: SQLite changes neither checks nor whether a column may be null.

use sea_orm_migration::prelude::*;

use crate::column::{id, index, instant, word};

/// Makes a table anew, without its indices, and moves these columns of what is in it. Nothing may refer to the table.
pub(crate) async fn rebuilt(
    manager: &SchemaManager<'_>,
    table: TableCreateStatement,
    name: &'static str,
    step: &str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    copied(manager, table, name, step, columns).await?;
    put_in_place(manager, name, step).await
}

/// Makes the table of timers anew, for these kinds of what falls due.
pub(crate) async fn timers(manager: &SchemaManager<'_>, step: &str, kinds: &[&'static str]) -> Result<(), DbErr> {
    let timer = Table::create()
        .col(word("kind", kinds))
        .col(id("subject_id"))
        .col(instant("due_at"))
        .col(ColumnDef::new("failures").integer().not_null())
        .primary_key(Index::create().col("kind").col("subject_id"))
        .take();
    rebuilt(manager, timer, "timer", step, &["kind", "subject_id", "due_at", "failures"]).await?;
    manager.create_index(index("timer", &["due_at"])).await
}

/// Makes a table beside the one of this name, as `step_name`, with these columns of what is in it. The step's name tells its primary key,
/// which keeps the name of the table that it was made for, from those of other steps.
pub(crate) async fn copied(
    manager: &SchemaManager<'_>,
    mut table: TableCreateStatement,
    name: &'static str,
    step: &str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    let next = format!("{step}_{name}");
    manager.create_table(table.table(next.clone()).take()).await?;
    let kept = Query::select().columns(columns.iter().copied()).from(name).take();
    let mut copied = Query::insert();
    copied.into_table(next).columns(columns.iter().copied());
    copied.select_from(kept).map_err(|error| DbErr::Custom(error.to_string()))?;
    manager.execute(copied).await
}

/// Puts what [`copied`] made in place of the table. What refers to it goes on referring to it.
pub(crate) async fn put_in_place(manager: &SchemaManager<'_>, name: &'static str, step: &str) -> Result<(), DbErr> {
    manager.drop_table(Table::drop().table(name).take()).await?;
    manager.rename_table(Table::rename().table(format!("{step}_{name}"), name).take()).await
}
