"""What people and programs read: ranges, lists, series and stories, put together from the two stores."""
