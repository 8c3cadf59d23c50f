-- Takes the row of a counter, so that whoever counts on waits, and says where it stands.
insert into counters (tenant, name, value) values ($1, $2, 0)
on conflict (tenant, name) do update set value = counters.value
returning value
