CREATE OR REPLACE VIEW windows_now AS SELECT * EXCEPT (version, content) FROM windows FINAL
