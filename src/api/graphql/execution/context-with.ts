/** A copy of the context, with other values of some properties. It inherits what the context inherits. */
export function contextWith<Context extends object, Changes extends object>(
  context: Context,
  changes: Changes,
): Omit<Context, keyof Changes> & Changes {
  return Object.assign(Object.create(Object.getPrototypeOf(context) as object | null), context, changes) as Omit<Context, keyof Changes> &
    Changes;
}
