create index sign_ins_by_end on sign_ins (ends_at)
