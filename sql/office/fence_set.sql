insert into fences (topic, partition_no, epoch, versions) values ($1, $2, $3, $4)
on conflict (topic, partition_no) do update set epoch = excluded.epoch, versions = excluded.versions
