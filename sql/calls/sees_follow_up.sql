-- Whether the viewer may see what is owed.
SELECT toBool(count() > 0)
FROM follow_ups FINAL
WHERE %follow_ups in scope% AND merged_into IS NULL AND follow_up_id = {id:String}
