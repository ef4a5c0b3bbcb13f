/* Work-items take every so many-th element (per_item 0), or on devices with few of them a stretch of neighbouring ones. */
#define STRETCH(i)                                                                           \
  const int first = per_item ? (int)get_global_id(0) * per_item : (int)get_global_id(0);      \
  const int last = per_item ? min(total, first + per_item) : total;                          \
  const int step = per_item ? 1 : (int)get_global_size(0);                                   \
  for (int i = first; i < last; i += step)
