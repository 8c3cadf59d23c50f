-- Who writes for a partition of the log.
create table fences (
    topic text not null,
    partition_no bigint not null,
    epoch bigint not null,
    versions bigint not null,
    primary key (topic, partition_no)
)
