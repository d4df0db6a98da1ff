"""Item features aligned with behavior: a linear map, in closed form, from content to what items are bought with."""
