create index claims_by_end on claims (kind, until_at)
