"""The ground floor of files: atomic writes, guarded text formats, paths, photographs."""
