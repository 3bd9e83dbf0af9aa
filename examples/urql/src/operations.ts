import { graphql } from './gql/gql.js';

export const AccountFields = graphql(`
  fragment AccountFields on Account {
    sid
    emailAddress
    friendlyName
    status
    version
  }
`);

export const Viewer = graphql(`
  query Viewer {
    viewer {
      ...AccountFields
    }
  }
`);

export const AccountBySid = graphql(`
  query AccountBySid($sid: ID!) {
    account(by: { sid: $sid }) {
      ...AccountFields
    }
  }
`);

/** One page of all that is below an account. */
export const Descendants = graphql(`
  query Descendants($sid: ID!, $after: String) {
    account(by: { sid: $sid }) {
      descendants(first: 2, after: $after) {
        nodes {
          ...AccountFields
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`);

export const CreateAccount = graphql(`
  mutation CreateAccount($input: CreateAccountInput!) {
    createAccount(input: $input) {
      account {
        ...AccountFields
      }
    }
  }
`);

export const UpdateAccount = graphql(`
  mutation UpdateAccount($input: UpdateAccountInput!) {
    updateAccount(input: $input) {
      account {
        ...AccountFields
      }
    }
  }
`);

export const CloseAccount = graphql(`
  mutation CloseAccount($input: CloseAccountInput!) {
    closeAccount(input: $input) {
      reachedCount
    }
  }
`);

/** The first event of an account and everything below it: a place to follow from. */
export const FirstEvent = graphql(`
  query FirstEvent($sid: ID!) {
    events(accountSid: $sid, first: 1) {
      pageInfo {
        endCursor
      }
    }
  }
`);

export const AccountEvents = graphql(`
  subscription AccountEvents($sid: ID!, $after: ID) {
    accountEvents(accountSid: $sid, after: $after) {
      id
      type
      data {
        reached
      }
    }
  }
`);
