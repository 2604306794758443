"""How a sweep is carried out: in this process, in several, on a cluster; kept in files, taken up again."""
