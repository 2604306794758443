"""Price files of every common layout, recognised by content and read into a price table, or refused with the line."""
