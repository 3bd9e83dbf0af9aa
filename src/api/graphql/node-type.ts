import { Field, ID, InterfaceType } from 'type-graphql';

/** Which type of the schema an object is: its SID says it. */
function typeNameOf({ sid }: { sid: string }): string {
  return sid.startsWith('OR') ? 'Organization' : 'Account';
}

@InterfaceType('Node', {
  description: "An object that can be read again by its ID, as Relay's specification of object identification says.",
  resolveType: typeNameOf,
})
export abstract class NodeType {
  @Field(() => ID, { description: 'The SID: global and typed by its prefix, `AC` or `OR`.' })
  id: string;
}
