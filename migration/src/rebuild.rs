//! How a table is made anew with what is in it: SQLite changes neither checks nor whether a column may be null.

use sea_orm_migration::prelude::*;

/// Makes a table anew, without its indices, and moves these columns of what is in it. The step's name tells its primary key, which keeps
/// the name of the table that it was made for, from those of other steps.
pub(crate) async fn rebuilt(
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
    copied.into_table(next.clone()).columns(columns.iter().copied());
    copied.select_from(kept).map_err(|error| DbErr::Custom(error.to_string()))?;
    manager.execute(copied).await?;
    manager.drop_table(Table::drop().table(name).take()).await?;
    manager.rename_table(Table::rename().table(next, name).take()).await
}
