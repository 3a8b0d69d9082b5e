"""The third door of a province: the adapter API, as systems that know no events speak it. It is a façade over the gate."""
