-- Which files of sql/office/schema were applied, with their text.
create table if not exists schema_files (
    name text not null,
    statement text not null,
    primary key (name)
)
