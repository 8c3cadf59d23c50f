-- Failed sign-ins, by login and by address.
create table sign_in_failures (
    of_whom text not null,
    failed_at bigint not null
)
